"""The pcapng format (draft-ietf-opsawg-pcapng): blocks; each begins and ends with its length.

Sections may differ in byte order and in their interfaces; each interface has its own link type and clock.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weft.capture.formats import MOST_OCTETS, NS, Records, numbers
from weft.capture.walk import Chain, Found, Octets, Positions, find
from weft.values import Malformed

MAGIC = b"\x0a\x0d\x0d\x0a"
"""The type of a Section Header Block, the same in both byte orders."""
_ORDER_MAGIC = 0x1A2B3C4D
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_BLOCK_OCTETS = 12
_OPTION_RESOLUTION, _OPTION_OFFSET = 9, 14


@dataclass(frozen=True, slots=True)
class Interface:
    """An Interface Description Block. A second has 10**`digits` ticks, or 2**`bits` if `bits` is not 0."""

    link: int
    snapshot_octets: int
    digits: int = 6
    bits: int = 0
    offset_s: int = 0

    def time_ns(self, ticks: Positions) -> Positions:
        """Ticks (unsigned, in int64) as nanoseconds since 1970; times past the year 2262 wrap."""
        unsigned = ticks.view(np.uint64)
        if self.bits:
            seconds, rest = unsigned >> np.uint64(self.bits), unsigned & np.uint64((1 << self.bits) - 1)
            spare = max(self.bits - 32, 0)  # 32 bits of a fraction are finer than a nanosecond
            fraction = (rest >> np.uint64(spare)) * np.uint64(NS) >> np.uint64(self.bits - spare)
            ns = seconds * np.uint64(NS) + fraction
        elif self.digits <= 9:
            ns = unsigned * np.uint64(10 ** (9 - self.digits))
        else:
            ns = unsigned // np.uint64(10 ** (self.digits - 9))
        return ns.view(np.int64) + _wrapped(self.offset_s * NS)


class Pcapng:
    """Reads blocks from the first Section Header Block on."""

    def __init__(self) -> None:
        self._order = "<"
        self._interfaces: list[Interface] = []

    def index(self, octets: Octets, end: int) -> Records:
        """A buffer that holds the beginning of another section is used up to there, and that comes first next."""
        if octets[:4].tobytes() == MAGIC:
            if end < _BLOCK_OCTETS:
                return _nothing(0, None)
            problem = self._begin_section(octets)
            if problem:
                return _nothing(0, problem)
        chain = Chain(self._order, _BLOCK_OCTETS, 4, 0, _BLOCK_OCTETS, MOST_OCTETS, 4)
        mark = struct.pack(self._order + "I", _PACKET)
        found = find(octets, 0, end, chain, mark, 0)
        kinds = numbers(octets, self._order + "u4", found.starts)
        found, kinds = self._this_section(octets, found, kinds)
        problem = "a block's length cannot be" if found.bad else None
        try:
            for at in found.starts[kinds == _INTERFACE].tolist():
                self._add_interface(octets, at)
        except Malformed as error:
            kinds = kinds[found.starts < error.offset]
            found = Found(found.starts[: len(kinds)], error.offset, True)
            problem = str(error)
        return self._packets(octets, found, kinds, problem)

    def _begin_section(self, octets: Octets) -> str | None:
        """Learn the byte order of a section; its interfaces are its own."""
        magic = octets[8:12].tobytes()
        for order in "<>":
            if struct.unpack(order + "I", magic)[0] == _ORDER_MAGIC:
                self._order = order
                self._interfaces = []
                return None
        return f"a section's byte order cannot be {magic.hex(' ')}"

    def _this_section(self, octets: Octets, found: Found, kinds: Positions) -> tuple[Found, Positions]:
        """What lies before the next Section Header Block, whose length may be in the other byte order."""
        sections = np.flatnonzero(kinds[1:] == struct.unpack(self._order + "I", MAGIC)[0])
        if len(sections):
            count = int(sections[0]) + 1
            return Found(found.starts[:count], int(found.starts[count]), False), kinds[:count]
        ahead = octets[found.end : found.end + 4].tobytes() == MAGIC
        return Found(found.starts, found.end, found.bad and not (ahead and found.end > 0)), kinds

    def _add_interface(self, octets: Octets, at: int) -> None:
        """Raises Malformed, with the block's position, if it is too short or its clock cannot be."""
        total = int(self._numbers(octets, "u4", np.array([at + 4]))[0])
        if total < 20:
            raise Malformed("an interface description is too short", at)
        link, _, snapshot = struct.unpack_from(self._order + "HHI", octets.data, at + 8)
        interface = Interface(link, snapshot)
        position, end = at + 16, at + total - 4
        digits, bits, offset_s = interface.digits, 0, 0
        while position + 4 <= end:
            code, size = struct.unpack_from(self._order + "HH", octets.data, position)
            position += 4
            if code == 0 or position + size > end:
                break
            if code == _OPTION_RESOLUTION and size == 1:
                value = int(octets[position])
                digits, bits = (0, value & 0x7F) if value & 0x80 else (value, 0)
            elif code == _OPTION_OFFSET and size == 8:
                (offset_s,) = struct.unpack_from(self._order + "q", octets.data, position)
            position += size + -size % 4
        if digits > 28 or bits > 63:
            raise Malformed("an interface's clock is finer than can be", at)
        self._interfaces.append(Interface(link, snapshot, digits, bits, offset_s))

    def _packets(self, octets: Octets, found: Found, kinds: Positions, problem: str | None) -> Records:
        """The packet blocks as columns. A block whose packet is longer than itself ends what can be read."""
        chosen = (kinds == _PACKET) | (kinds == _SIMPLE_PACKET) | (kinds == _OLD_PACKET)
        at, kind = found.starts[chosen], kinds[chosen]
        simple = kind == _SIMPLE_PACKET
        total = self._numbers(octets, "u4", at + 4)
        interface = self._numbers(octets, "u4", at + 8)
        old = kind == _OLD_PACKET
        if old.any():
            interface[old] = self._numbers(octets, "u2", at[old] + 8)
        interface[simple] = 0
        length = self._numbers(octets, "u4", np.where(simple, at + 8, at + 24))
        known = interface < len(self._interfaces)
        snapshots = np.array([i.snapshot_octets or MOST_OCTETS for i in self._interfaces] or [0])
        snapshot = snapshots[np.where(known, interface, 0)]
        captured = np.where(simple, np.minimum(length, snapshot), self._numbers(octets, "u4", at + 20))
        head = np.where(simple, 12, 28)
        wrong = np.flatnonzero(~known | (captured > total - head - 4))
        count, used = len(at), found.end
        if len(wrong):
            count, used = int(wrong[0]), int(at[wrong[0]])
            problem = "a packet is longer than its block" if known[count] else "a packet names an unknown interface"
        ticks = self._numbers(octets, "u4", at + 12) << 32 | self._numbers(octets, "u4", at + 16)
        time_ns = np.zeros(len(at), np.int64)
        for number, description in enumerate(self._interfaces):
            mine = (interface == number) & ~simple
            time_ns[mine] = description.time_ns(ticks[mine])
        links = np.array([i.link for i in self._interfaces] or [0], np.int32)
        return Records(
            start=(at + head)[:count],
            captured=captured[:count],
            length=length[:count],
            time_ns=time_ns[:count],
            link=links[np.where(known, interface, 0)][:count],
            used=used,
            problem=problem,
        )

    def _numbers(self, octets: Octets, kind: str, at: Positions) -> Positions:
        return numbers(octets, self._order + kind, at)


def _wrapped(number: int) -> np.int64:
    """The number modulo 2**64, as int64 arithmetic would have it."""
    return np.uint64(number % (1 << 64)).view(np.int64)


def _nothing(used: int, problem: str | None) -> Records:
    none: npt.NDArray[np.int64] = np.empty(0, np.int64)
    return Records(none, none, none, none, np.empty(0, np.int32), used, problem)
