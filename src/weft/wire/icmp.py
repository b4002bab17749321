"""ICMP header, 8 octets (RFC 792).

     0               1               2               3
    +---------------+---------------+-------------------------------+
    |     type      |     code      |           checksum            |
    +---------------+---------------+-------------------------------+
    |      rest: identifier and sequence, or MTU, or unused         |
    +---------------------------------------------------------------+

The checksum covers the whole message: `data` must end where the packet does.
"""

from __future__ import annotations

import struct
from typing import Self

from weft.values import Truncated, WireError
from weft.wire.checksum import WrongChecksum, checksum, is_valid
from weft.wire.header import Header

LENGTH = 8
ECHO_REPLY, UNREACHABLE, ECHO_REQUEST, TIME_EXCEEDED = 0, 3, 8, 11
FRAGMENTATION_NEEDED = 4
"""The code of UNREACHABLE that carries a next hop's MTU in the low half of `rest` (RFC 1191 section 4)."""
_FORMAT = struct.Struct("!BBHI")


class Icmp(Header, frozen=True, gc=False):
    type: int
    code: int
    rest: int = 0

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 8 octets at `offset`. Faults: Truncated, WrongChecksum."""
        if len(data) < offset + LENGTH:
            return None, offset, Truncated("an ICMP header", LENGTH, len(data) - offset, offset)
        kind, code, _, rest = _FORMAT.unpack_from(data, offset)
        fault = None if is_valid(data[offset:]) else WrongChecksum("ICMP checksum is wrong", offset + 2)
        return cls(kind, code, rest), offset + LENGTH, fault

    def pack(self, payload: bytes = b"") -> bytes:
        """The header with the checksum of header and `payload`."""
        header = _FORMAT.pack(self.type, self.code, 0, self.rest)
        return header[:2] + checksum(header + payload).to_bytes(2, "big") + header[4:]
