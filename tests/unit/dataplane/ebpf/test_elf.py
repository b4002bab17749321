"""Reading the compiled object, and refusing anything else plainly."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.dataplane.ebpf import elf, layout
from weft.dataplane.ebpf.plane import OBJECT
from weft.values import Unavailable

DATA = OBJECT.read_bytes()


def test_every_program_is_found_and_names_only_maps_that_exist() -> None:
    programs = elf.programs(DATA)
    assert set(programs) == {
        "weft_from_port",
        "weft_from_underlay",
        "weft_flood",
        "weft_not_underlay",
        "weft_age",
    }
    maps = {spec.name for spec in layout.MAPS}
    for program in programs.values():
        assert len(program.code) % 8 == 0
        assert {name for _, name in program.map_uses} <= maps


def test_linking_puts_descriptors_where_maps_are_named() -> None:
    program = elf.programs(DATA)["weft_flood"]
    descriptors = {spec.name: 100 + number for number, spec in enumerate(layout.MAPS)}
    code = program.linked(descriptors)
    for offset, name in program.map_uses:
        assert code[offset] == 0x18  # a load of 64 bits
        assert code[offset + 1] >> 4 == 1  # BPF_PSEUDO_MAP_FD
        assert int.from_bytes(code[offset + 4 : offset + 8], "little") == descriptors[name]


@given(st.integers(0, len(DATA) - 1), st.binary(max_size=64))
def test_a_damaged_object_is_refused_plainly_or_read(at: int, junk: bytes) -> None:
    """Nothing but Unavailable comes out; damage inside the instructions is the verifier's to find."""
    for damaged in (DATA[:at], DATA[:at] + junk + DATA[at + len(junk) :]):
        with suppress(Unavailable):
            elf.programs(damaged)


def test_something_else_entirely_is_refused() -> None:
    with pytest.raises(Unavailable, match="damaged"):
        elf.programs(b"#!/bin/sh\n")
