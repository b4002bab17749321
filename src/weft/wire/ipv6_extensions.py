"""IPv6 extension headers (RFC 8200 section 4): walked over, to find the payload and a fragment header.

     0               1
    +---------------+---------------+-------------
    |  next header  | length, words |  body
    +---------------+---------------+-------------

Lengths count 8 octets and leave out the first 8; an authentication header counts 4 octets and leaves out two such
words (RFC 4302 section 2.2); a fragment header always has 8 octets.
"""

from __future__ import annotations

import struct
from typing import Self

from msgspec import Struct

from weft.values import Malformed, Truncated, WireError
from weft.wire.header import Header

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, NO_NEXT_HEADER, DESTINATION = 0, 43, 44, 51, 59, 60
KINDS = frozenset((HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, 135, 139, 140))
"""Protocol numbers that are extension headers (IANA); ESP is none here, for nothing behind it can be read."""
LIMIT = 16
"""A longer chain is refused: no sender has a use for it, and every packet must end."""
FRAGMENT_LENGTH = 8
_FRAGMENT = struct.Struct("!BBHI")


class Fragment(Header, frozen=True, gc=False):
    """The fragment header (RFC 8200 section 4.5). `offset` is in octets."""

    next_header: int
    id: int
    offset: int
    mf: bool

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Fragment, int]:
        """Read 8 octets at `offset`. Raises Truncated."""
        if len(data) < offset + FRAGMENT_LENGTH:
            raise Truncated("an IPv6 fragment header", FRAGMENT_LENGTH, len(data) - offset, offset)
        next_header, _, place, ident = _FRAGMENT.unpack_from(data, offset)
        return cls(next_header, ident, place & 0xFFF8, bool(place & 1)), offset + FRAGMENT_LENGTH

    def pack(self) -> bytes:
        return _FRAGMENT.pack(self.next_header, 0, self.offset | self.mf, self.id)


class Extensions(Struct, frozen=True, gc=False):
    """A chain of extension headers: their `kinds` in order, and the `protocol` of what follows the last.

    It ends early behind the fragment header of a later fragment, whose `protocol` is that of the first one's payload.
    """

    kinds: tuple[int, ...]
    protocol: int
    fragment: Fragment | None = None

    @classmethod
    def walk(cls, next_header: int, data: bytes, offset: int = 0) -> tuple[Self, int, WireError | None]:
        """Tolerant: (the chain as far as it can be told, where it ends, what is wrong)."""
        kinds: list[int] = []
        fragment: Fragment | None = None
        fault: WireError | None = None
        while next_header in KINDS and not (fragment and fragment.offset):
            if len(kinds) == LIMIT:
                fault = Malformed(f"more than {LIMIT} IPv6 extension headers", offset)
                break
            if next_header == FRAGMENT:
                found, end, fault = Fragment.dissect(data, offset)
                fragment = found or fragment
            else:
                end, fault = _end(next_header, data, offset)
            if fault is not None:
                break
            kinds.append(next_header)
            next_header, offset = data[offset], end
        return cls(tuple(kinds), next_header, fragment), offset, fault


def _end(kind: int, data: bytes, offset: int) -> tuple[int, WireError | None]:
    """Where an extension header other than the fragment header ends."""
    have = len(data) - offset
    if have < 2:
        return offset, Truncated("an IPv6 extension header", 8, have, offset)
    length = (data[offset + 1] + 2) * 4 if kind == AUTHENTICATION else (data[offset + 1] + 1) * 8
    if have < length:
        return offset, Truncated("an IPv6 extension header", length, have, offset)
    return offset + length, None
