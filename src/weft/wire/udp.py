"""UDP header, 8 octets (RFC 768)."""

from __future__ import annotations

import struct

from weft.values import Truncated
from weft.wire.header import Header

LENGTH = 8
_FORMAT = struct.Struct("!HHHH")


class Udp(Header, frozen=True, gc=False):
    """`length` counts header and payload in octets; `checksum` 0 means none was computed."""

    sport: int
    dport: int
    length: int
    checksum: int = 0

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Udp, int]:
        """Read 8 octets at `offset`. Raises Truncated."""
        if len(data) < offset + LENGTH:
            raise Truncated("a UDP header", LENGTH, len(data) - offset, offset)
        return cls(*_FORMAT.unpack_from(data, offset)), offset + LENGTH

    def pack(self) -> bytes:
        return _FORMAT.pack(self.sport, self.dport, self.length, self.checksum)
