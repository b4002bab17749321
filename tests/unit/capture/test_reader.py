"""Reading captures: formats, clocks, interfaces, compression, and files that end too early."""

from __future__ import annotations

import gzip
import io
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from support import captures
from support.captures import NOW_NS, enhanced, interface, pcap, pcapng, section, simple, timed
from support.packets import seeds
from weft.capture import BrokenCapture, open_capture
from weft.capture.reader import BLOCK_OCTETS

PACKETS = timed(seeds(1))


def read(tmp_path: Path, octets: bytes) -> list[tuple[int, bytes]]:
    path = tmp_path / "capture"
    path.write_bytes(octets)
    with open_capture(path) as capture:
        return list(capture)


def read_until_broken(tmp_path: Path, octets: bytes) -> tuple[list[tuple[int, bytes]], BrokenCapture]:
    path = tmp_path / "capture"
    path.write_bytes(octets)
    packets = []
    with open_capture(path) as capture:
        try:
            for packet in capture:
                packets.append(packet)
        except BrokenCapture as broken:
            return packets, broken
    pytest.fail("the capture was not found to be broken")


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_with_nanoseconds_in_both_byte_orders(tmp_path: Path, order: str) -> None:
    assert read(tmp_path, pcap(PACKETS, order)) == PACKETS


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_with_microseconds_loses_only_what_it_has_not(tmp_path: Path, order: str) -> None:
    expected = [(time_ns // 1000 * 1000, octets) for time_ns, octets in PACKETS]
    assert read(tmp_path, pcap(PACKETS, order, nanoseconds=False)) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_in_both_byte_orders(tmp_path: Path, order: str) -> None:
    assert read(tmp_path, pcapng(PACKETS, order)) == PACKETS


@pytest.mark.parametrize(
    ("resolution", "offset_s", "ticks", "expected_ns"),
    [
        (None, None, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
        (3, None, 1_700_000_000_123, 1_700_000_000_123_000_000),
        (0, None, 1_700_000_000, 1_700_000_000_000_000_000),
        (12, None, 1_700_000_000_123_456_789, 1_700_000_000_123_456),
        (0x80 | 10, None, (1_700_000_000 << 10) + 512, 1_700_000_000_500_000_000),
        (0x80 | 32, None, (1_700_000_000 << 32) + (1 << 31), 1_700_000_000_500_000_000),
        (0x80 | 40, None, (3 << 40) + (1 << 38), 3_250_000_000),
        (9, 1_600_000_000, 5, 1_600_000_000_000_000_005),
        (9, -1, 3_000_000_000, 2_000_000_000),
    ],
)
def test_every_clock_of_pcapng(
    tmp_path: Path, resolution: int | None, offset_s: int | None, ticks: int, expected_ns: int
) -> None:
    octets = section() + interface("<", 1, resolution, offset_s) + enhanced(b"x" * 60, ticks)
    assert read(tmp_path, octets) == [(expected_ns, b"x" * 60)]


def test_interfaces_have_their_own_links_and_clocks(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(
        section()
        + interface(link=1, resolution=9)
        + interface(link=101)
        + enhanced(b"a" * 61, 7, number=1)
        + enhanced(b"b" * 62, 7, number=0)
    )
    with open_capture(path) as capture:
        (block,) = capture.blocks()
    assert block.link.tolist() == [101, 1]
    assert block.time_ns.tolist() == [7000, 7]
    assert block.packet(0) == b"a" * 61


def test_sections_may_change_the_byte_order(tmp_path: Path) -> None:
    octets = pcapng(PACKETS[:5], "<") + pcapng(PACKETS[5:9], ">") + pcapng(PACKETS[9:12], "<")
    assert read(tmp_path, octets) == PACKETS[:12]


def test_simple_packets_have_no_time_and_other_blocks_are_passed_over(tmp_path: Path) -> None:
    unknown = captures.block("<", 0x0BAD, b"whatever it is")
    octets = section() + unknown + interface() + simple(b"s" * 33) + unknown + enhanced(b"t" * 34, 5)
    assert read(tmp_path, octets) == [(0, b"s" * 33), (5000, b"t" * 34)]


def test_obsolete_packet_blocks_are_read(tmp_path: Path) -> None:
    old = captures.block("<", 2, struct.pack("<HHIIII", 0, 0xFFFF, 0, 9, 4, 4) + b"old!")
    assert read(tmp_path, section() + interface(resolution=9) + old) == [(9, b"old!")]


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_gzip_in_one_member_or_several(tmp_path: Path, write: object) -> None:
    octets = write(PACKETS)  # type: ignore[operator]
    half = len(octets) // 2
    assert read(tmp_path, gzip.compress(octets)) == PACKETS
    assert read(tmp_path, gzip.compress(octets[:half]) + gzip.compress(octets[half:])) == PACKETS


def test_a_pipe_that_delivers_little_by_little(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    octets = pcap(PACKETS)

    def deliver() -> None:
        for start in range(0, len(octets), 777):
            os.write(writing, octets[start : start + 777])
        os.close(writing)

    class Stdin(io.StringIO):
        def fileno(self) -> int:
            return reading

    monkeypatch.setattr("sys.stdin", Stdin())
    writer = threading.Thread(target=deliver)
    writer.start()
    with open_capture("-") as capture:
        assert list(capture) == PACKETS
    writer.join()
    os.close(reading)


def test_a_file_longer_than_a_block_comes_in_several(tmp_path: Path) -> None:
    packets = timed([bytes([n % 251]) * 1400 for n in range(14_000)])
    path = tmp_path / "long"
    path.write_bytes(pcap(packets))
    with open_capture(path) as capture:
        blocks = list(capture.blocks())
        assert capture.progress == 1.0
    assert len(blocks) > 1
    assert [block.first for block in blocks] == np.cumsum([1, *map(len, blocks[:-1])]).tolist()
    assert all(len(block.octets) < 2 * BLOCK_OCTETS for block in blocks)
    assert [block.packet(row) for block in blocks for row in range(len(block))] == [octets for _, octets in packets]


def test_an_empty_capture_has_no_packets(tmp_path: Path) -> None:
    assert read(tmp_path, pcap([])) == []
    assert read(tmp_path, pcapng([])) == []


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_a_cut_file_gives_what_is_whole_and_says_where_it_ends(tmp_path: Path, write: object) -> None:
    octets = write(PACKETS)  # type: ignore[operator]
    packets, broken = read_until_broken(tmp_path, octets[:-7])
    assert packets == PACKETS[:-1]
    assert broken.frame == len(PACKETS)
    assert read(tmp_path, octets[: broken.offset]) == PACKETS[:-1]


def test_a_length_that_cannot_be_says_where(tmp_path: Path) -> None:
    octets = bytearray(pcap(PACKETS[:3]))
    third = 24 + sum(16 + len(packet) for _, packet in PACKETS[:2])
    struct.pack_into("<I", octets, third + 8, 0x7FFFFFFF)
    packets, broken = read_until_broken(tmp_path, bytes(octets))
    assert packets == PACKETS[:2]
    assert (broken.offset, broken.frame) == (third, 3)
    assert f"octet {third}, in packet 3" in str(broken)


def test_a_packet_longer_than_its_block_says_where(tmp_path: Path) -> None:
    good = section() + interface() + enhanced(b"g" * 40, 1)
    bad = bytearray(enhanced(b"b" * 40, 2))
    struct.pack_into("<I", bad, 20, 400)
    packets, broken = read_until_broken(tmp_path, good + bytes(bad))
    assert packets == [(1000, b"g" * 40)]
    assert (broken.offset, broken.frame) == (len(good), 2)


def test_a_packet_of_an_unknown_interface_says_so(tmp_path: Path) -> None:
    _, broken = read_until_broken(tmp_path, section() + interface() + enhanced(b"x" * 40, 2, number=3))
    assert "unknown interface" in str(broken)


def test_packets_in_front_of_a_broken_interface_are_read(tmp_path: Path) -> None:
    good = section() + interface() + enhanced(b"g" * 40, 1)
    packets, broken = read_until_broken(tmp_path, good + captures.block("<", 1, b"") + enhanced(b"x" * 40, 1))
    assert packets == [(1000, b"g" * 40)]
    assert broken.offset == len(good)


def test_a_cut_gzip_stream_gives_what_could_be_unpacked(tmp_path: Path) -> None:
    octets = gzip.compress(pcap(PACKETS))
    packets, broken = read_until_broken(tmp_path, octets[: len(octets) // 2])
    assert 0 < len(packets) < len(PACKETS)
    assert packets == PACKETS[: len(packets)]
    assert "gzip" in str(broken)


@pytest.mark.parametrize("octets", [b"", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"PK\x03\x04" * 20, bytes(100)])
def test_what_is_no_capture_is_refused(tmp_path: Path, octets: bytes) -> None:
    packets, _ = read_until_broken(tmp_path, octets)
    assert packets == []


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_capture(tmp_path / "none")


def test_times_keep_their_nanoseconds(tmp_path: Path) -> None:
    assert read(tmp_path, pcap([(NOW_NS, b"x" * 60)]))[0][0] == NOW_NS
