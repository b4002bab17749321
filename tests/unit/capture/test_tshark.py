"""Columns against tshark, which knows nothing of this code: the same fields of the same layers."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from support.captures import pcap, timed
from support.oracle import TSHARK_FIELDS, columns_as_tshark, tshark_rows
from support.packets import V4, V6, VTEPS, VTEPS6, frame, ip, stt, tcp, udp
from weft.capture import Reading, open_capture
from weft.wire import ethernet
from weft.wire.encap.geneve import Geneve, Option
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.vxlan_gbp import VxlanGbp

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")


def tenants() -> list[bytes]:
    """Ports that no dissector of an application claims."""
    return [
        frame(*ip(17, udp(30000, 20001, b"x" * 30))),
        frame(*ip(6, tcp(30001, 20002, b"x" * 40), V6)),
        frame(*ip(6, tcp(30002, 20003), options=b"\x01" * 8)),
        frame(*ip(17, udp(30003, 20004)), 7),
    ]


def wrapped(inner: bytes) -> list[bytes]:
    options = (Option(0x0102, 0x21, b"abcd"),)
    found = [
        frame(*ip(17, udp(50000, port, octets), pair), *tags)
        for pair, tags in ((VTEPS, ()), (VTEPS6, (9,)))
        for port, octets in (
            (4789, VxlanGbp(5001).pack() + inner),
            (6081, Geneve(5002, options=options).pack() + inner),
        )
    ]
    found += [
        frame(*ip(47, header.pack() + inner, VTEPS)) for header in (Nvgre(5003, 7), Gre(0x6558), Gre(0x6558, key=9))
    ]
    if inner[12:14] == ethernet.IPV4.to_bytes(2, "big"):
        found.append(frame(*ip(47, Gre(ethernet.IPV4, key=10).pack() + inner[14:], VTEPS)))
    return [*found, *(frame(*ip(6, piece, pair)) for pair in (VTEPS, VTEPS6) for piece in stt(inner))]


def test_columns_are_what_tshark_sees(tmp_path: Path) -> None:
    once = [packet for inner in tenants() for packet in wrapped(inner)]
    twice = [packet for inner in random.Random(1).sample(once, 10) for packet in wrapped(inner)]
    path = tmp_path / "trace.pcap"
    path.write_bytes(pcap(timed([*tenants(), frame(*ip(17, udp(1, 2), V4)), *once, *twice])))
    ours = []
    with open_capture(path) as capture:
        for block, columns in capture.columns(reading=Reading.PLAIN):
            ours += columns_as_tshark(block, columns)
    theirs = tshark_rows(path)
    assert len(theirs) == len(ours) > 100
    for one, other in zip(ours, theirs, strict=True):
        assert dict(zip(TSHARK_FIELDS, one, strict=True)) == dict(zip(TSHARK_FIELDS, other, strict=True))


def test_decapsulated_captures_are_readable_by_tshark(tmp_path: Path) -> None:
    """The frame that weft takes out is the one that tshark sees inside."""
    from weft.capture.decap import Decapsulator
    from weft.capture.pcap import file_header

    packets = [packet for inner in tenants()[:2] for packet in wrapped(inner)]
    source, target = tmp_path / "in.pcap", tmp_path / "out.pcap"
    source.write_bytes(pcap(timed(packets)))
    work = Decapsulator(True)
    with open_capture(source) as capture:
        target.write_bytes(file_header() + b"".join(bytes(work.records(block)) for block in capture.blocks()))
    command = ["tshark", "-n", "-r", str(target), "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.protocols"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == len(packets)
    assert all("vxlan" not in line and "gre" not in line and "stt" not in line for line in lines)
    assert lines[0].split("\t")[0] == "1700000000.123456789"
