"""IPv6 header, 40 octets (RFC 8200 section 3). Extension headers: see `ipv6_extensions`.

 0               1               2               3
+-------+---------------+---------------------------------------+
|   6   | traffic class |              flow label               |
+-------+---------------+-------+---------------+---------------+
|        payload length         |  next header  |   hop limit   |
+-------------------------------+---------------+---------------+
|                      source, 16 octets                        |
+---------------------------------------------------------------+
|                    destination, 16 octets                     |
"""

from __future__ import annotations

import struct
from typing import Self

from weft.values import Ip, Malformed, Truncated, WireError
from weft.wire.header import Header

LENGTH = 40
_FORMAT = struct.Struct("!IHBB16s16s")


class Ipv6(Header, frozen=True, gc=False, kw_only=True):
    """`payload_length` counts what follows, extension headers included, in octets."""

    src: Ip
    dst: Ip
    next_header: int
    payload_length: int
    hop_limit: int = 64
    traffic_class: int = 0
    flow_label: int = 0

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 40 octets at `offset`. Faults: Truncated, Malformed (version)."""
        if len(data) < offset + LENGTH:
            return None, offset, Truncated("an IPv6 header", LENGTH, len(data) - offset, offset)
        first, length, next_header, hop_limit, src, dst = _FORMAT.unpack_from(data, offset)
        if first >> 28 != 6:
            return None, offset, Malformed(f"IP version {first >> 28} is not 6", offset)
        parsed = cls(
            src=Ip(src),
            dst=Ip(dst),
            next_header=next_header,
            payload_length=length,
            hop_limit=hop_limit,
            traffic_class=first >> 20 & 0xFF,
            flow_label=first & 0xFFFFF,
        )
        return parsed, offset + LENGTH, None

    def pack(self) -> bytes:
        first = 6 << 28 | self.traffic_class << 20 | self.flow_label
        fields = (first, self.payload_length, self.next_header, self.hop_limit)
        return _FORMAT.pack(*fields, self.src.octets, self.dst.octets)
