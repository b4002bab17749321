from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.captures import pcap, timed
from support.packets import tenant_frames
from weft.capture import open_capture

Run = Callable[..., object]
INNER = tenant_frames()


@pytest.mark.parametrize("encap", ["vxlan", "gre", "nvgre", "geneve", "stt"])
@pytest.mark.parametrize("pair", [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")])
def test_what_encap_puts_in_decap_takes_off(weft: Run, tmp_path: Path, encap: str, pair: tuple[str, str]) -> None:
    """NVGRE has no room for VLAN tags: the frames that have some are left out."""
    packets = timed([packet for packet in INNER if packet[12:14] != b"\x81\x00"])
    plain, wrapped, left = (tmp_path / name for name in ("plain", "wrapped", "left"))
    plain.write_bytes(pcap(packets))
    words = ("--encap", encap, "--vni", "5001", "--src", pair[0], "--dst", pair[1])
    result = weft("encap", str(plain), str(wrapped), *words)
    assert result.code == 0
    assert f"{len(packets)} packets read, {len(packets)} written" in result.err
    assert weft("decap", str(wrapped), str(left)).code == 0
    with open_capture(left) as capture:
        assert list(capture) == packets


def test_all_tunnels_come_off_if_asked_for(weft: Run, tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in "abcd"]
    packets = timed(INNER)
    Path(names[0]).write_bytes(pcap(packets))
    words = ("--vni", "5", "--src", "192.0.2.1", "--dst", "192.0.2.2")
    weft("encap", names[0], names[1], "--encap", "vxlan", *words)
    weft("encap", names[1], names[2], "--encap", "geneve", *words)
    result = weft("decap", "--all", names[2], names[3])
    assert f"{len(packets)} packets opened, 0 without a tunnel" in result.err
    with open_capture(names[3]) as capture:
        assert list(capture) == packets


def test_the_file_that_is_read_is_not_written_over(weft: Run, tmp_path: Path) -> None:
    path = tmp_path / "trace"
    path.write_bytes(pcap(timed(INNER)))
    before = path.read_bytes()
    assert weft("decap", str(path), str(path)).code == 2
    words = ("--encap", "vxlan", "--vni", "1", "--src", "192.0.2.1", "--dst", "192.0.2.2")
    assert weft("encap", str(path), str(path), *words).code == 2
    assert path.read_bytes() == before


def test_a_broken_capture_is_written_as_far_as_it_goes(weft: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(pcap(timed(INNER))[:-1])
    assert weft("decap", str(source), str(target)).code == 65
    with open_capture(target) as capture:
        assert list(capture) == timed(INNER)[:-1]


def test_a_place_that_cannot_be_written_is_said(weft: Run, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(pcap(timed(INNER)))
    result = weft("decap", str(source), str(tmp_path / "no" / "such" / "place"))
    assert result.code == 66
    assert "cannot write" in result.err
