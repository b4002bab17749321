"""GRE header, 4 to 16 octets, IP protocol 47 (RFC 2784 section 2, RFC 2890 section 2).

     0               1               2               3
    +-+-+-+-+---------------+-------+-------------------------------+
    |C|0|K|S| 0 or ignored  |Ver: 0 |         protocol type         |
    +-+-+-+-+---------------+-------+-------------------------------+
    |      checksum (if C)          |        reserved: 0 (if C)     |
    +-------------------------------+-------------------------------+
    |                          key (if K)                           |
    +---------------------------------------------------------------+
    |                    sequence number (if S)                     |
    +---------------------------------------------------------------+

Bits 1 to 5 other than K and S are refused: they were RFC 1701's routing, strict source route and recursion (RFC 2784
section 2.2). Bits 6 to 12 are ignored. Version 1 is PPTP's: see `pptp`. The checksum covers header and payload: `data`
must end where the packet does.
"""

from __future__ import annotations

from typing import Self

from weft.values import Malformed, Truncated, WireError
from weft.wire import ethernet
from weft.wire.checksum import WrongChecksum, checksum, is_valid
from weft.wire.encap.tunnel import Fields, Part, Tunnel

LENGTH = 4
PROTOCOL = 47
C, K, S = 0x8000, 0x2000, 0x1000
_REFUSED = 0x4C00
_VERSION = 0x0007


class Gre(Tunnel, frozen=True, gc=False):
    """`protocol` is an EtherType. `checksum`: None for none; otherwise `pack` computes it, whatever it is."""

    protocol: int
    checksum: int | None = None
    key: int | None = None
    sequence: int | None = None

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read the header and check its sum. Faults: Truncated, Malformed (bits, version), WrongChecksum."""
        have = len(data) - offset
        if have < LENGTH:
            return None, offset, Truncated("a GRE header", LENGTH, have, offset)
        bits, protocol = data[offset] << 8 | data[offset + 1], data[offset + 2] << 8 | data[offset + 3]
        if bits & (_REFUSED | _VERSION):
            what = (
                f"GRE version {bits & _VERSION}" if bits & _VERSION else f"GRE bits {bits & _REFUSED:#06x} (RFC 1701)"
            )
            return cls(protocol), len(data), Malformed(f"{what} cannot be read here", offset)
        length = LENGTH * (1 + bool(bits & C) + bool(bits & K) + bool(bits & S))
        if have < length:
            return cls(protocol), len(data), Truncated("a GRE header", length, have, offset)
        words = (int.from_bytes(data[at : at + 4], "big") for at in range(offset + LENGTH, offset + length, 4))
        header = cls(
            protocol,
            next(words) >> 16 if bits & C else None,
            next(words) if bits & K else None,
            next(words) if bits & S else None,
        )
        if bits & C and not is_valid(data[offset:]):
            return header, offset + length, WrongChecksum("GRE checksum is wrong", offset + LENGTH)
        return header, offset + length, None

    def pack(self, payload: bytes = b"") -> bytes:
        """The header; its checksum, if it has one, covers `payload`. The sequence number is in place by then."""
        optional = ((C, self.checksum), (K, self.key), (S, self.sequence))
        bits = sum(bit for bit, value in optional if value is not None)
        words = (0 if bit == C else value for bit, value in optional if value is not None)
        header = bits.to_bytes(2, "big") + self.protocol.to_bytes(2, "big")
        header += b"".join(word.to_bytes(4, "big") for word in words)
        if self.checksum is None:
            return header
        return header[:4] + checksum(header + payload).to_bytes(2, "big") + header[6:]

    @property
    def payload(self) -> int:
        return self.protocol

    def fields(self, octets: bytes) -> Fields:
        return {
            "version": octets[1] & _VERSION,
            "protocol": self.protocol,
            "checksum": self.checksum,
            "key": self.key,
            "sequence": self.sequence,
        }

    def parts(self) -> tuple[Part, ...]:
        fields = [("flags and version", 2), ("protocol type", 2)]
        if self.checksum is not None:
            fields += [("checksum", 2), ("reserved", 2)]
        if self.key is not None:
            fields.append(("key", 4))
        if self.sequence is not None:
            fields.append(("sequence number", 4))
        return (Part("GRE", tuple(fields)),)


BRIDGED = Gre(ethernet.TRANSPARENT_BRIDGING)
"""Frames in plain GRE, what Linux calls gretap."""
