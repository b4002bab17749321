"""ICMPv6 header, 4 octets (RFC 4443 section 2.1). Neighbour discovery's bodies: see `nd`.

     0               1               2               3
    +---------------+---------------+-------------------------------+
    |     type      |     code      |           checksum            |
    +---------------+---------------+-------------------------------+

The checksum covers a pseudo header and the whole message: `data` must end where the packet does.
"""

from __future__ import annotations

import struct

from weft.values import Ip, Truncated
from weft.wire import checksum as sums
from weft.wire.header import Header

LENGTH = 4
PROTOCOL = 58
PACKET_TOO_BIG, ECHO_REQUEST, ECHO_REPLY = 2, 128, 129
_FORMAT = struct.Struct("!BBH")


class Icmpv6(Header, frozen=True, gc=False):
    type: int
    code: int
    checksum: int = 0

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Icmpv6, int]:
        """Read 4 octets at `offset`; `checksum.is_valid_behind_ip` checks the sum. Raises Truncated."""
        if len(data) < offset + LENGTH:
            raise Truncated("an ICMPv6 header", LENGTH, len(data) - offset, offset)
        return cls(*_FORMAT.unpack_from(data, offset)), offset + LENGTH

    def pack(self, src: Ip, dst: Ip, body: bytes = b"") -> bytes:
        """The header with the checksum of the pseudo header, itself and `body`."""
        header = _FORMAT.pack(self.type, self.code, 0)
        start = sums.pseudo_header_sum(src.octets, dst.octets, PROTOCOL, LENGTH + len(body))
        return header[:2] + sums.checksum(header + body, start).to_bytes(2, "big")
