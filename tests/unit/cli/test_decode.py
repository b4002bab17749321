"""`weft decode`: forms of output, choices, and what becomes of broken input."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.captures import pcap, timed
from support.packets import VTEPS, frame, ip, seeds, stt, tenant_frames, tunnels, udp
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.vxlan_gbp import VxlanGbp

Run = Callable[..., object]
INNER = tenant_frames()[0]
VXLAN = frame(*ip(17, udp(50000, 4789, VxlanGbp(5001).pack() + INNER), VTEPS))
NVGRE = frame(*ip(47, Nvgre(5002, 9).pack() + INNER, VTEPS))


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.pcap"
    path.write_bytes(pcap(timed([INNER, VXLAN, NVGRE, VXLAN[:60]])))
    return path


def test_the_table_has_one_line_a_packet(weft: Run, trace: Path) -> None:
    result = weft("decode", str(trace))
    lines = result.out.splitlines()
    assert (result.code, len(lines)) == (0, 5)
    assert lines[0].split() == ["FRAME", "SECONDS", "LENGTH", "PACKET"]
    assert lines[2].endswith("192.0.2.1 > 192.0.2.2 udp 50000 > 4789 vxlan 5001 | 10.0.0.1 > 10.0.0.2 udp 1000 > 2000")
    assert "gre key 1280521 or nvgre 5002 flow 9 |" in lines[3]
    assert " ! " in lines[4]


def test_json_lines_have_exactly_the_keys_that_were_agreed(weft: Run, trace: Path) -> None:
    result = weft("decode", str(trace), "-o", "jsonl")
    items = [json.loads(line) for line in result.out.splitlines()]
    assert [list(item) for item in items] == [["frame", "time", "length", "layers", "error"]] * 4
    assert [item["frame"] for item in items] == [1, 2, 3, 4]
    assert '"time":1700000000.123456789,' in result.out.splitlines()[0]
    assert [layer["layer"] for layer in items[1]["layers"]] == [
        "ethernet",
        "ipv4",
        "udp",
        "vxlan",
        "ethernet",
        "ipv4",
        "udp",
    ]
    assert items[1]["error"] is None
    assert isinstance(items[3]["error"], str)


@pytest.mark.parametrize("words", [("-o", "json"), ("-j",)])
def test_json_is_a_document_with_a_schema(weft: Run, trace: Path, words: tuple[str, ...]) -> None:
    document = json.loads(weft("decode", str(trace), *words).out)
    assert document["schema"] == "weft.decode/v1"
    assert len(document["items"]) == 4


def test_json_of_no_packets_is_an_empty_list(weft: Run, trace: Path) -> None:
    assert json.loads(weft("decode", str(trace), "-j", "--vni", "77").out)["items"] == []
    assert weft("decode", str(trace), "-o", "jsonl", "--vni", "77").out == ""


def test_csv_has_the_outermost_tunnel_and_the_innermost_packet(weft: Run, trace: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(weft("decode", str(trace), "-o", "csv").out)))
    assert len(rows) == 4
    assert {rows[1][key] for key in ("vtep_source", "encap", "vni", "source", "dport")} == {
        "192.0.2.1",
        "vxlan",
        "5001",
        "10.0.0.1",
        "2000",
    }
    assert (rows[0]["encap"], rows[0]["nesting"], rows[2]["encap"]) == ("", "0", "nvgre")


@pytest.mark.parametrize(
    ("words", "frames"),
    [
        (("--vni", "5001"), [2, 4]),
        (("--vni", "5002"), [3]),
        (("--vni", "5002", "--gre-key-as", "plain"), []),
        (("--vni", "1280521"), [3]),
        (("--encap", "vxlan"), [2, 4]),
        (("--encap", "nvgre"), [3]),
        (("--vtep", "192.0.2.2"), [2, 3, 4]),
        (("--tenant-ip", "10.0.0.0/24"), [2, 3]),
        (("--tenant-ip", "10.0.0.2", "--encap", "nvgre"), [3]),
    ],
)
def test_choices(weft: Run, trace: Path, words: tuple[str, ...], frames: list[int]) -> None:
    out = weft("decode", str(trace), "-o", "jsonl", *words).out
    assert [json.loads(line)["frame"] for line in out.splitlines()] == frames


def test_the_summary_counts_tunnels(weft: Run, trace: Path) -> None:
    document = json.loads(weft("decode", str(trace), "--summary", "-j").out)
    assert document["schema"] == "weft.decode-summary/v1"
    rows = {(item["encap"], item["vni"]): item for item in document["items"]}
    assert rows["vxlan", 5001]["packets"] == 2
    assert rows["vxlan", 5001]["errors"] == 1
    assert rows["nvgre", 5002]["overhead_octets"] == 42
    assert rows[None, None]["packets"] == 1
    lines = weft("decode", str(trace), "--summary").out.splitlines()
    assert lines[0].split()[:5] == ["LEVEL", "SOURCE", "DESTINATION", "ENCAP", "VNI"]


def test_the_summary_says_how_it_reads_keys(weft: Run, trace: Path) -> None:
    assert "--gre-key-as plain" in weft("decode", str(trace), "--summary").err
    assert weft("decode", str(trace), "--summary", "--gre-key-as", "nvgre").err == ""


def test_a_frame_in_segments_is_shown_whole(weft: Run, tmp_path: Path) -> None:
    path = tmp_path / "stt.pcap"
    path.write_bytes(pcap(timed([frame(*ip(6, piece, VTEPS)) for piece in stt(INNER, most=60)])))
    lines = weft("decode", str(path)).out.splitlines()
    assert lines[-1].endswith("stt 5001 | 10.0.0.1 > 10.0.0.2 udp 1000 > 2000")


@pytest.mark.parametrize("form", ["table", "jsonl", "json", "csv"])
def test_a_broken_capture_gets_as_far_as_it_can_and_exits_65(weft: Run, trace: Path, form: str) -> None:
    trace.write_bytes(trace.read_bytes()[:-10])
    result = weft("decode", str(trace), "-o", form)
    assert result.code == 65
    assert "in packet 4" in result.err
    assert "5002" in result.out
    if form == "json":
        assert len(json.loads(result.out)["items"]) == 3


def test_the_summary_of_a_broken_capture_is_printed_before_the_error(weft: Run, trace: Path) -> None:
    trace.write_bytes(trace.read_bytes()[:-10])
    result = weft("decode", str(trace), "--summary", "-j")
    assert result.code == 65
    assert sum(item["packets"] for item in json.loads(result.out)["items"]) == 3


def test_what_is_no_capture_exits_65_and_what_is_not_there_66(weft: Run, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no capture, whatever its name may be\n")
    assert weft("decode", str(tmp_path / "text")).code == 65
    assert weft("decode", str(tmp_path / "none")).code == 66
    assert weft("decode", str(tmp_path)).code == 66


@pytest.mark.parametrize(
    "words",
    [("--tenant-ip", "10.0.0"), ("--vtep", "x"), ("-o", "yaml"), ("--encap", "ipip"), ("--summary", "-o", "csv")],
)
def test_words_that_mean_nothing_are_usage_errors(weft: Run, trace: Path, words: tuple[str, ...]) -> None:
    assert weft("decode", str(trace), *words).code == 2


def test_texts_from_a_capture_cannot_drive_the_terminal(weft: Run, tmp_path: Path) -> None:
    path = tmp_path / "all.pcap"
    path.write_bytes(pcap(timed([packet for inner in tenant_frames() for packet in tunnels(inner)])))
    assert all(line.isprintable() for line in weft("decode", str(path)).out.splitlines())


def test_standard_input_and_a_reader_that_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap(timed(seeds(1) * 40)))
    command = [sys.executable, "-m", "weft.cli.main", "decode", "-"]
    with path.open("rb") as source:
        process = subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().split()[0] == b"FRAME"
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(30) == 0
