"""The fast search for records finds what following them one by one finds, whatever the payloads are."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from weft.capture import walk as walking
from weft.capture.walk import Chain, Found, find, walk

PCAP = Chain("<", 16, 8, 16, 0, 1 << 20, 1)
MARK = b"\x53\x65"


def records(draw: random.Random, count: int, sizes: tuple[int, ...], payload: bytes | None = None) -> bytes:
    parts = []
    for _ in range(count):
        size = draw.choice(sizes)
        body = draw.randbytes(size) if payload is None else (payload * (size // len(payload) + 1))[:size]
        parts += [struct.pack("<IIII", 0x6553F100, draw.randrange(10**9), size, size), body]
    return b"".join(parts)


def same(octets: bytes, end: int | None = None) -> Found:
    padded = np.frombuffer(octets + bytes(64), np.uint8)
    end = len(octets) if end is None else end
    slow, fast = walk(padded, 0, end, PCAP), find(padded, 0, end, PCAP, MARK, 2)
    assert (fast.starts == slow.starts).all()
    assert len(fast.starts) == len(slow.starts)
    assert (fast.end, fast.bad) == (slow.end, slow.bad)
    return fast


@pytest.mark.parametrize("sizes", [(64,), (60, 594, 1514), (0, 1), (9000,), (40, 64_000)])
def test_all_sizes_of_packets_are_found(sizes: tuple[int, ...]) -> None:
    draw = random.Random(sum(sizes))
    assert len(same(records(draw, 3000 if max(sizes) < 2000 else 300, sizes)).starts) in (3000, 300)


def test_a_capture_inside_the_packets_of_a_capture_misleads_nobody() -> None:
    draw = random.Random(7)
    inner = records(draw, 20, (60, 100))
    assert len(same(records(draw, 400, (400, 1400), inner)).starts) == 400


def test_payloads_full_of_marks_mislead_nobody() -> None:
    assert len(same(records(random.Random(8), 500, (300, 1200), MARK)).starts) == 500


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 700])
def test_a_cut_off_end_is_left_over(cut: int) -> None:
    octets = records(random.Random(9), 1000, (100, 600))
    found = same(octets, len(octets) - cut)
    assert not found.bad
    assert found.end < len(octets)


@pytest.mark.parametrize("place", [0, 1, 500, 998])
def test_an_impossible_length_ends_the_search_there(place: int) -> None:
    octets = bytearray(records(random.Random(10), 1000, (200,)))
    struct.pack_into("<I", octets, place * 216 + 8, 0xFFFFFFF0)
    found = same(bytes(octets))
    assert found.bad
    assert (len(found.starts), found.end) == (place, place * 216)


def test_random_octets_give_the_same_answer() -> None:
    draw = random.Random(11)
    for _ in range(50):
        same(draw.randbytes(100_000))


def test_the_fast_search_does_not_fall_back_on_an_ordinary_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = records(random.Random(12), 5000, (60, 594, 1514))
    padded = np.frombuffer(octets + bytes(64), np.uint8)
    walked: list[int] = []

    def counting(octets: walking.Octets, start: int, end: int, chain: Chain) -> Found:
        walked.append(end - start)
        return walk(octets, start, end, chain)

    monkeypatch.setattr(walking, "walk", counting)
    assert len(find(padded, 0, len(octets), PCAP, MARK, 2).starts) == 5000
    assert max(walked) < 2000
