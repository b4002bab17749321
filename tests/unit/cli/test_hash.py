from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from support.captures import pcap, timed
from support.packets import seeds

Run = Callable[..., object]


def test_a_synthetic_mix_shows_where_entropy_is_missing(weft: Run) -> None:
    document = json.loads(weft("hash", "--flows", "1000", "--links", "4", "-j").out)
    assert document["schema"] == "weft.hash/v1"
    rows = {(item["encap"], item["switch"], item["addresses"]): item for item in document["items"]}
    assert rows["nvgre", "outer-5-tuple", 1]["idle"] == 3
    assert rows["vxlan", "outer-5-tuple", 1]["idle"] == 0
    assert rows["nvgre", "outer-5-tuple", 4]["distinct"] == 16
    assert all(sum(item["loads"]) == 1000 and len(item["loads"]) == 4 for item in document["items"])


def test_the_flows_of_a_capture_and_a_picture(weft: Run, tmp_path: Path) -> None:
    path, picture = tmp_path / "trace.pcap", tmp_path / "spread.svg"
    path.write_bytes(pcap(timed(seeds(1))))
    result = weft("hash", str(path), "--links", "4", "--by", "packets", "--svg", str(picture))
    assert result.code == 0
    assert result.out.splitlines()[2].split()[:2] == ["ENCAP", "SWITCH"]
    assert picture.read_text().startswith("<svg ")
    items = json.loads(weft("hash", str(path), "--by", "packets", "-j").out)["items"]
    assert all(sum(item["loads"]) == len(seeds(1)) for item in items)


def test_the_same_question_has_the_same_answer(weft: Run) -> None:
    assert weft("hash", "--flows", "100").out == weft("hash", "--flows", "100").out
    assert weft("hash", "--flows", "100").out != weft("hash", "--flows", "100", "--seed", "2").out


def test_a_file_or_a_number_of_flows_but_not_both(weft: Run, tmp_path: Path) -> None:
    assert weft("hash").code == 2
    assert weft("hash", "x.pcap", "--flows", "5").code == 2
    assert weft("hash", str(tmp_path / "none")).code == 66
    assert weft("hash", "--flows", "5", "--svg", str(tmp_path / "no" / "place.svg")).code == 66
