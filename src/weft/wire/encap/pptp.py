"""PPTP's enhanced GRE header, 8 to 16 octets, IP protocol 47, version 1 (RFC 2637 section 4.1). Recognised only.

 0               1               2               3
+-+-+-+-+---------------+-------+-------------------------------+
|0|0|1|S|       0       |A  |001|        0x880B, PPP            |
+-------------------------------+-------------------------------+
|     payload length            |            call id            |
+-------------------------------+-------------------------------+
|                    sequence number (if S)                     |
+---------------------------------------------------------------+
|                 acknowledgement number (if A)                 |
+---------------------------------------------------------------+
"""

from __future__ import annotations

from typing import Self

from weft.values import Malformed, Truncated, WireError
from weft.wire.encap.tunnel import Fields, Part, Tunnel

LENGTH = 8
PPP = 0x880B
VERSION = 1
K, S, A = 0x2000, 0x1000, 0x0080
_NEITHER = 0xFFFF ^ (K | S | A)


class Pptp(Tunnel, frozen=True, gc=False):
    """`payload_octets` counts what follows the header: 0 in a pure acknowledgement."""

    payload_octets: int
    call_id: int
    sequence: int | None = None
    acknowledgement: int | None = None

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 8 to 16 octets. Faults: Truncated, Malformed (flags, version, protocol type)."""
        have = len(data) - offset
        if have < LENGTH:
            return None, offset, Truncated("a PPTP header", LENGTH, have, offset)
        bits, protocol, octets, call = (data[at] << 8 | data[at + 1] for at in range(offset, offset + LENGTH, 2))
        length = LENGTH + 4 * bool(bits & S) + 4 * bool(bits & A)
        fault: WireError | None = None
        if bits & _NEITHER != VERSION or not bits & K or protocol != PPP:
            fault = Malformed(f"GRE version 1 with flags {bits:#06x} and type {protocol:#06x} is not PPTP's", offset)
        elif have < length + octets:
            fault = Truncated("a PPTP packet", length + octets, have, offset)
        words = (int.from_bytes(data[at : at + 4], "big") for at in range(offset + LENGTH, offset + length, 4))
        header = cls(octets, call, next(words) if bits & S else None, next(words) if bits & A else None)
        return header, min(offset + length, len(data)), fault

    def pack(self) -> bytes:
        optional = ((S, self.sequence), (A, self.acknowledgement))
        bits = K | VERSION | sum(bit for bit, value in optional if value is not None)
        header = b"".join(word.to_bytes(2, "big") for word in (bits, PPP, self.payload_octets, self.call_id))
        return header + b"".join(value.to_bytes(4, "big") for _, value in optional if value is not None)

    @property
    def payload(self) -> None:
        """PPP frames are not looked into."""

    def fields(self, octets: bytes) -> Fields:
        return {
            "version": octets[1] & 7,
            "protocol": octets[2] << 8 | octets[3],
            "checksum": None,
            "key": int.from_bytes(octets[4:8], "big"),
            "sequence": self.sequence,
            "payload_length": self.payload_octets,
            "call_id": self.call_id,
            "acknowledgement": self.acknowledgement,
        }

    def parts(self) -> tuple[Part, ...]:
        fields = [("flags and version", 2), ("protocol type", 2), ("payload length", 2), ("call id", 2)]
        fields += [("sequence number", 4)] if self.sequence is not None else []
        fields += [("acknowledgement number", 4)] if self.acknowledgement is not None else []
        return (Part("PPTP", tuple(fields)),)
