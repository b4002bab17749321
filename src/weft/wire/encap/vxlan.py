"""VXLAN header, 8 octets behind UDP port 4789 (RFC 7348 section 5).

     0               1               2               3
    +---------------+---------------+---------------+---------------+
    |R|R|R|R|I|R|R|R|                   reserved                    |
    +---------------+---------------+---------------+---------------+
    |                      VNI                      |   reserved    |
    +---------------+---------------+---------------+---------------+

Overhead over an untagged IPv4 underlay: 20 (IP) + 8 (UDP) + 8 + 14 (inner Ethernet) = 50 octets.
"""

from __future__ import annotations

import struct

from weft.values import Malformed, Truncated
from weft.wire.encap.tunnel import UDP, Fields, Part, Tunnel
from weft.wire.ethernet import TRANSPARENT_BRIDGING

LENGTH = 8
PORT = 4789
OLD_PORT = 8472
"""What Linux used before the IANA gave out 4789, and some still do."""
FLAG_I = 0x08
PARTS = UDP, Part("VXLAN", (("flags", 1), ("reserved", 3), ("VNI", 3), ("reserved", 1)))
_FORMAT = struct.Struct("!II")


class Vxlan(Tunnel, frozen=True, gc=False):
    """`reserved`: whether any reserved bit was set; receivers ignore it unless strict."""

    vni: int
    reserved: bool = False

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Vxlan, int]:
        """Read 8 octets at `offset`. Raises Truncated, and Malformed if the I flag is clear."""
        if len(data) < offset + LENGTH:
            raise Truncated("a VXLAN header", LENGTH, len(data) - offset, offset)
        flags, number = _FORMAT.unpack_from(data, offset)
        if not flags >> 24 & FLAG_I:
            raise Malformed("the VXLAN I flag is clear, so the VNI is not valid", offset)
        return cls(number >> 8, bool(flags & 0xF7FFFFFF or number & 0xFF)), offset + LENGTH

    def pack(self) -> bytes:
        """The header with reserved bits zero."""
        return _FORMAT.pack(FLAG_I << 24, self.vni << 8)

    @property
    def payload(self) -> int:
        return TRANSPARENT_BRIDGING

    def fields(self, octets: bytes) -> Fields:
        return {"vni": self.vni, "flags": octets[0], "policy": None}

    def parts(self) -> tuple[Part, ...]:
        return PARTS
