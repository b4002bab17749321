"""The layout is one source for C and Python."""

from __future__ import annotations

import re

import pytest

from weft.dataplane.ebpf import layout
from weft.dataplane.ebpf.plane import OBJECT
from weft.forwarding.drops import Counter, Drop


def test_the_header_names_every_reason_counter_struct_and_map() -> None:
    header = layout.c_header()
    for reason in Drop:
        assert f"#define DROP_{reason.name} {reason.value}\n" in header
    for counter in Counter:
        assert f"#define COUNT_{counter.name} {counter.value}\n" in header
    for each in layout.LAYOUTS:
        assert f"struct weft_{each.name} {{" in header
    assert re.findall(r"struct weft_map (\w+) SEC", header) == [spec.name for spec in layout.MAPS]


@pytest.mark.parametrize("each", layout.LAYOUTS, ids=lambda each: each.name)
def test_no_struct_has_hidden_padding(each: layout.Layout) -> None:
    """C aligns a field to its size; the packed size must be the same, or keys would hold garbage."""
    sizes = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "mac": 1, "ip4": 4}
    octets = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "mac": 6, "ip4": 4}
    offset, widest = 0, 1
    for field in each.fields:
        if field.kind in sizes:
            align, size = sizes[field.kind], octets[field.kind]
        else:
            align, size = 4, layout.BY_NAME[field.kind].size
        assert offset % align == 0, field.name
        offset += size * field.count
        widest = max(widest, align)
    assert offset == each.size
    assert offset % widest == 0


def test_a_change_of_what_is_taken_over_changes_the_name_of_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = layout.layout_hash()
    grown = tuple(
        layout.MapSpec("learned", layout.HASH, "mac_key", "learned", 1024, 1, shared=True)
        if spec.name == "learned"
        else spec
        for spec in layout.MAPS
    )
    monkeypatch.setattr(layout, "MAPS", grown)
    assert layout.layout_hash() != before


def test_the_package_carries_its_program() -> None:
    assert OBJECT.read_bytes()[:4] == b"\x7fELF"
