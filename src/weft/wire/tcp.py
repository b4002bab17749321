"""TCP header, 20 to 60 octets (RFC 9293 section 3.1).

 0               1               2               3
+-------------------------------+-------------------------------+
|          source port          |       destination port        |
+-------------------------------+-------------------------------+
|                        sequence number                        |
+---------------------------------------------------------------+
|                     acknowledgment number                     |
+-------+-------+---------------+-------------------------------+
| words |   0   |     flags     |            window             |
+-------+-------+---------------+-------------------------------+
|           checksum            |        urgent pointer         |
+-------------------------------+-------------------------------+
|                     options, padded to words                  |
"""

from __future__ import annotations

import struct
from typing import Self

from weft.values import Malformed, Truncated, WireError
from weft.wire.header import Header

LENGTH = 20
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
_FORMAT = struct.Struct("!HHIIBBHHH")


class Tcp(Header, frozen=True, gc=False):
    """`checksum` covers a pseudo header and the payload, so the caller computes it; `options` fill whole words."""

    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int = 0
    checksum: int = 0
    urgent: int = 0
    options: bytes = b""

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 20 to 60 octets at `offset`. Faults: Truncated, Malformed (a header shorter than 20 octets)."""
        have = len(data) - offset
        if have < LENGTH:
            return None, offset, Truncated("a TCP header", LENGTH, have, offset)
        sport, dport, seq, ack, words, flags, window, checksum, urgent = _FORMAT.unpack_from(data, offset)
        header = (words >> 4) * 4
        fault: WireError | None = None
        if header < LENGTH:
            fault = Malformed(f"a TCP header has at least {LENGTH} octets, not {header}", offset + 12)
        elif have < header:
            fault = Truncated("a TCP header with options", header, have, offset)
        options = data[offset + LENGTH : offset + header]
        return cls(sport, dport, seq, ack, flags, window, checksum, urgent, options), offset + header, fault

    def pack(self) -> bytes:
        words = 5 + len(self.options) // 4
        fields = (self.sport, self.dport, self.seq, self.ack, words << 4, self.flags, self.window)
        return _FORMAT.pack(*fields, self.checksum, self.urgent) + self.options
