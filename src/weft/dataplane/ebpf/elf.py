"""Read the compiled eBPF object: its tc programs, and where they name maps.

A thin reader for our own object: ELF64 little-endian, one section `tc`, relocations against map symbols only.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from msgspec import Struct

from weft.values import Unavailable

_SYMTAB, _REL = 2, 9
_R_BPF_64_64 = 1
_PSEUDO_MAP_FD = 1
_STT_FUNC = 2


class Program(Struct, frozen=True):
    """Instructions of one program, and at which octet which map is named."""

    name: str
    code: bytes
    map_uses: tuple[tuple[int, str], ...]

    def linked(self, maps: Mapping[str, int]) -> bytes:
        """The instructions with map descriptors put in."""
        code = bytearray(self.code)
        for offset, name in self.map_uses:
            code[offset + 1] = code[offset + 1] & 0x0F | _PSEUDO_MAP_FD << 4
            struct.pack_into("<i", code, offset + 4, maps[name])
        return bytes(code)


class _Section(Struct, frozen=True):
    name: str
    kind: int
    start: int
    size: int
    link: int
    info: int


def programs(data: bytes) -> dict[str, Program]:
    """All tc programs of the object by name. Raises Unavailable if it is not such an object."""
    try:
        return _programs(data)
    except (struct.error, IndexError, ValueError, OverflowError, StopIteration) as error:
        raise Unavailable(f"the eBPF object of this installation is damaged ({error}): install weft again") from None


def _programs(data: bytes) -> dict[str, Program]:
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not an ELF64 little-endian file")
    sections = _sections(data)
    symtab = next(section for section in sections if section.kind == _SYMTAB)
    names = sections[symtab.link].start
    symbols = [
        (_text(data, names + name), info & 0xF, shndx, value, size)
        for name, info, _, shndx, value, size in struct.iter_unpack(
            "<IBBHQQ", data[symtab.start : symtab.start + symtab.size]
        )
    ]
    index, section = next((i, section) for i, section in enumerate(sections) if section.name == "tc")
    uses: list[tuple[int, str]] = []
    for relocations in (s for s in sections if s.kind == _REL and s.info == index):
        blob = data[relocations.start : relocations.start + relocations.size]
        for offset, info in struct.iter_unpack("<QQ", blob):
            if info & 0xFFFFFFFF != _R_BPF_64_64:
                raise ValueError(f"relocation type {info & 0xFFFFFFFF}")
            uses.append((offset, symbols[info >> 32][0]))
    return {
        name: Program(
            name,
            data[section.start + value : section.start + value + size],
            tuple((offset - value, target) for offset, target in uses if value <= offset < value + size),
        )
        for name, kind, shndx, value, size in symbols
        if kind == _STT_FUNC and shndx == index
    }


def _sections(data: bytes) -> list[_Section]:
    table = struct.unpack_from("<Q", data, 0x28)[0]
    count, names_index = struct.unpack_from("<HH", data, 0x3C)
    raw = [struct.unpack_from("<IIQQQQIIQQ", data, table + 64 * i) for i in range(count)]
    names = raw[names_index][4]
    return [_Section(_text(data, names + s[0]), s[1], s[4], s[5], s[6], s[7]) for s in raw]


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode()
