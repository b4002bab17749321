from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.captures import pcap, timed
from support.packets import tenant_frames

Run = Callable[..., object]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--encap", "vxlan", "--vni", "16777216"), "0 to 16777215"),
        (("--encap", "gre", "--vni", "4294967296"), "0 to 4294967295"),
        (("--encap", "vxlan", "--vni", "-1"), "range"),
        (("--encap", "vxlan", "--vni", "1", "--dst", "2001:db8::1"), "both"),
        (("--encap", "vxlan", "--vni", "1", "--dst", "not-an-address"), "not an IP address"),
        (("--encap", "ipip", "--vni", "1"), "ipip"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    weft: Run, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(pcap(timed(tenant_frames())))
    result = weft("encap", str(source), str(target), "--src", "192.0.2.1", "--dst", "192.0.2.2", *words)
    assert result.code == 2
    assert says in result.err
    assert not target.exists()


def test_a_context_id_has_64_bits(weft: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(pcap(timed(tenant_frames())))
    words = ("--encap", "stt", "--src", "192.0.2.1", "--dst", "192.0.2.2", "--vni", str(2**64 - 2))
    assert weft("encap", str(source), str(target), *words).code == 0
    assert f"stt {2**64 - 2} |" in weft("decode", str(target)).out
