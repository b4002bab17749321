"""bpf(2): maps, the ring, refusals."""

from __future__ import annotations

import struct

import pytest

from weft.host import bpf
from weft.host.bpf import Map

pytestmark = pytest.mark.root
HASH, NO_PREALLOC = 1, 1


@pytest.fixture
def table() -> Map:
    return Map.create("test", HASH, 4, 8, 10_000, NO_PREALLOC)


def key(number: int) -> bytes:
    return struct.pack("=I", number)


def value(number: int) -> bytes:
    return struct.pack("=Q", number)


def test_entries_are_written_read_and_deleted(table: Map) -> None:
    table.update(key(1), value(7))
    assert table.lookup(key(1)) == value(7)
    assert table.lookup(key(2)) is None
    assert table.delete(key(1))
    assert not table.delete(key(1))


@pytest.mark.parametrize("count", [0, 1, 4096, 4097, 10_000])
def test_many_entries_are_written_and_read_in_batches(table: Map, count: int) -> None:
    keys = b"".join(key(number) for number in range(count))
    table.update_many(keys, b"".join(value(number) for number in range(count)))
    assert sorted(table.items()) == sorted((key(number), value(number)) for number in range(count))


def test_a_full_map_refuses(table: Map) -> None:
    small = Map.create("small", HASH, 4, 8, 1, 0)
    small.update(key(1), value(1))
    with pytest.raises(OSError, match="too long"):
        small.update(key(2), value(2))


def test_a_program_that_the_verifier_refuses_brings_its_reason() -> None:
    reads_nowhere = struct.pack("<BBhi", 0x79, 0x10, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)  # r0 = *(u64 *)r1
    with pytest.raises(bpf.VerifierError, match=r"bad: .*\n[^$]*processed"):
        bpf.load_program("bad", reads_nowhere, "Apache-2.0")


def test_permission_is_there_for_root() -> None:
    bpf.check_permission()
