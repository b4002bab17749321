"""IPv4 header, 20 to 60 octets (RFC 791 section 3.1).

 0               1               2               3
+-------+-------+---------------+---------------+---------------+
|   4   |  IHL  |      TOS      |         total length          |
+-------+-------+---------------+-----+-------------------------+
|        identification         |0 D M|    fragment offset      |
+---------------+---------------+-----+-------------------------+
|      TTL      |   protocol    |        header checksum        |
+---------------+---------------+-------------------------------+
|                            source                             |
+---------------------------------------------------------------+
|                          destination                          |
+---------------------------------------------------------------+
|                     options, padded to words                  |
"""

from __future__ import annotations

import struct
from typing import Self

from weft.values import Ip, Malformed, Truncated, WireError
from weft.wire.checksum import checksum, is_valid
from weft.wire.header import Header

LENGTH = 20
UDP = 17
_FORMAT = struct.Struct("!BBHHHBBH4s4s")
_DF = 0x4000
_MF = 0x2000


class Ipv4(Header, frozen=True, gc=False, kw_only=True):
    """`total_length` counts header and payload in octets; `fragment_offset` is in octets; `tos` = DSCP and ECN.

    `options` fill whole 32-bit words.
    """

    src: Ip
    dst: Ip
    protocol: int
    total_length: int
    ttl: int = 64
    tos: int = 0
    id: int = 0
    df: bool = False
    mf: bool = False
    fragment_offset: int = 0
    options: bytes = b""

    @property
    def is_fragment(self) -> bool:
        """Whether this is a part of a packet, the first one included."""
        return self.mf or self.fragment_offset > 0

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read the header and check its sum. Faults: Truncated, Malformed (version, lengths, checksum)."""
        have = len(data) - offset
        if have < LENGTH:
            return None, offset, Truncated("an IPv4 header", LENGTH, have, offset)
        version, tos, total, ident, fragment, ttl, protocol, _, src, dst = _FORMAT.unpack_from(data, offset)
        header = (version & 0xF) * 4
        if version >> 4 != 4 or header < LENGTH:
            return None, offset, Malformed(f"first octet {version:#04x} is not that of an IPv4 header", offset)
        parsed = cls(
            src=Ip(src),
            dst=Ip(dst),
            protocol=protocol,
            total_length=total,
            ttl=ttl,
            tos=tos,
            id=ident,
            df=bool(fragment & _DF),
            mf=bool(fragment & _MF),
            fragment_offset=(fragment & 0x1FFF) * 8,
            options=data[offset + LENGTH : offset + header],
        )
        fault: WireError | None = None
        if have < header:
            fault = Truncated("an IPv4 header with options", header, have, offset)
        elif not is_valid(data[offset : offset + header]):
            fault = Malformed("IPv4 header checksum is wrong", offset + 10)
        return parsed, offset + header, fault

    def pack(self) -> bytes:
        """The header with its checksum."""
        fragment = self.fragment_offset // 8 | (_DF if self.df else 0) | (_MF if self.mf else 0)
        words = 5 + len(self.options) // 4
        fields = (0x40 | words, self.tos, self.total_length, self.id, fragment, self.ttl, self.protocol)
        header = _FORMAT.pack(*fields, 0, self.src.octets, self.dst.octets) + self.options
        return header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
