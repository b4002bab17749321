"""MPLS label stack entry, 4 octets, and the stack of them (RFC 3032 section 2.1).

     0               1               2               3
    +---------------------------------------+-----+-+---------------+
    |                 label                 | TC  |S|      TTL      |
    +---------------------------------------+-----+-+---------------+

The payload's kind is not written anywhere; behind the entry with S (bottom of stack) a first half octet of 4 or 6 is
taken for IP by everyone (RFC 4928 section 2).
"""

from __future__ import annotations

from weft.values import Malformed, Truncated
from weft.wire.header import Header

LENGTH = 4
LIMIT = 16
"""A longer stack is refused: every packet must end."""


class Mpls(Header, frozen=True, gc=False):
    """`tc`: traffic class, 0..7 (RFC 5462)."""

    label: int
    tc: int = 0
    bottom: bool = True
    ttl: int = 64

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Mpls, int]:
        """Read one entry. Raises Truncated."""
        if len(data) < offset + LENGTH:
            raise Truncated("an MPLS label", LENGTH, len(data) - offset, offset)
        word = int.from_bytes(data[offset : offset + LENGTH], "big")
        return cls(word >> 12, word >> 9 & 7, bool(word & 0x100), word & 0xFF), offset + LENGTH

    def pack(self) -> bytes:
        return (self.label << 12 | self.tc << 9 | self.bottom << 8 | self.ttl).to_bytes(LENGTH, "big")


def parse_stack(data: bytes, offset: int = 0) -> tuple[tuple[Mpls, ...], int]:
    """Read entries to the bottom of the stack. Raises Truncated, Malformed (more than 16)."""
    entries: list[Mpls] = []
    while not entries or not entries[-1].bottom:
        if len(entries) == LIMIT:
            raise Malformed(f"more than {LIMIT} MPLS labels", offset)
        entry, offset = Mpls.parse(data, offset)
        entries.append(entry)
    return tuple(entries), offset
