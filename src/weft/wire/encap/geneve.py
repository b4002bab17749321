"""Geneve header, 8 to 260 octets behind UDP port 6081 (RFC 8926 sections 3.4 and 3.5).

     0               1               2               3
    +---+-----------+-+-+-----------+-------------------------------+
    |Ver|opt. words |O|C|  reserved |         protocol type         |
    +---+-----------+-+-+-----------+---------------+---------------+
    |                      VNI                      |   reserved    |
    +-----------------------------------------------+---------------+
    |  options, each:  class (2)  type (1)  reserved and words (1)  |
    |                  data (words * 4)                             |

The highest bit of an option's type says that it is critical: who does not know it must drop the packet.
"""

from __future__ import annotations

import struct
from collections.abc import Container
from typing import Self

from msgspec import Struct

from weft.values import Malformed, Truncated, WireError
from weft.wire.encap.tunnel import UDP, Fields, Part, Tunnel
from weft.wire.ethernet import TRANSPARENT_BRIDGING

LENGTH = 8
PORT = 6081
OPTIONS_MAX_OCTETS = 252
FLAG_O = 0x80
FLAG_C = 0x40
CRITICAL = 0x80
_FORMAT = struct.Struct("!BBHI")


class Option(Struct, frozen=True, gc=False):
    """`option_class`: who defines the type. `data` is 0 to 124 octets, in words of 4."""

    option_class: int
    type: int
    data: bytes = b""

    @property
    def critical(self) -> bool:
        return bool(self.type & CRITICAL)

    def pack(self) -> bytes:
        return self.option_class.to_bytes(2, "big") + bytes((self.type, len(self.data) // 4)) + self.data


class Geneve(Tunnel, frozen=True, gc=False):
    """`protocol` is an EtherType. `oam`: a control message, whose payload is never forwarded."""

    vni: int
    protocol: int = TRANSPARENT_BRIDGING
    options: tuple[Option, ...] = ()
    oam: bool = False

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, known: Container[tuple[int, int]] = frozenset()) -> tuple[Self, int]:
        """Read the header and its options. `known`: (class, type) of the options that the caller understands.

        Raises Truncated, Malformed (version, options that overrun, a critical option that is not known).
        """
        header, end = super().parse(data, offset)
        for option in header.options:
            if option.critical and (option.option_class, option.type) not in known:
                what = f"critical Geneve option class {option.option_class:#06x} type {option.type:#04x} is not known"
                raise Malformed(what, offset + LENGTH)
        return header, end

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read the header and its options, critical ones too. Faults: Truncated, Malformed (version, options)."""
        have = len(data) - offset
        if have < LENGTH:
            return None, offset, Truncated("a Geneve header", LENGTH, have, offset)
        first, flags, protocol, number = _FORMAT.unpack_from(data, offset)
        end = offset + LENGTH + (first & 0x3F) * 4
        oam = bool(flags & FLAG_O)
        if first >> 6:
            fault: WireError | None = Malformed(f"Geneve version {first >> 6} is not 0", offset)
            return cls(number >> 8, protocol, (), oam), len(data), fault
        if len(data) < end:
            fault = Truncated("a Geneve header with options", end - offset, have, offset)
            return cls(number >> 8, protocol, (), oam), len(data), fault
        options, fault = _parse_options(data, offset + LENGTH, end)
        return cls(number >> 8, protocol, options, oam), end, fault

    def pack(self) -> bytes:
        """The header; the C flag is set if an option is critical. Raises Malformed: more than 252 octets of options."""
        options = b"".join(option.pack() for option in self.options)
        if len(options) > OPTIONS_MAX_OCTETS:
            raise Malformed(f"{len(options)} octets of Geneve options are too many: at most {OPTIONS_MAX_OCTETS}")
        critical = FLAG_C if any(option.critical for option in self.options) else 0
        flags = critical | (FLAG_O if self.oam else 0)
        return _FORMAT.pack(len(options) // 4, flags, self.protocol, self.vni << 8) + options

    @property
    def payload(self) -> int:
        return self.protocol

    def fields(self, octets: bytes) -> Fields:
        return {
            "vni": self.vni,
            "protocol": self.protocol,
            "critical": bool(octets[1] & FLAG_C),
            "oam": self.oam,
            "options": [
                {"class": option.option_class, "type": option.type, "data": option.data.hex()}
                for option in self.options
            ],
        }

    def parts(self) -> tuple[Part, ...]:
        fields = [("version and options length", 1), ("flags", 1), ("protocol type", 2), ("VNI", 3), ("reserved", 1)]
        for option in self.options:
            fields += [("option class", 2), ("option type", 1), ("option length", 1)]
            fields += [("option data", len(option.data))] if option.data else []
        return (UDP, Part("Geneve", tuple(fields)))


def _parse_options(data: bytes, offset: int, end: int) -> tuple[tuple[Option, ...], WireError | None]:
    """The options as far as they fit between `offset` and `end`, which are words apart."""
    options: list[Option] = []
    while offset < end:
        behind = offset + 4 + (data[offset + 3] & 0x1F) * 4
        if behind > end:
            return tuple(options), Malformed("a Geneve option runs past the end of the options", offset)
        option_class = data[offset] << 8 | data[offset + 1]
        options.append(Option(option_class, data[offset + 2], data[offset + 4 : behind]))
        offset = behind
    return tuple(options), None
