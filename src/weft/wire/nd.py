"""Neighbour discovery: bodies of ICMPv6 types 133 to 136, behind the 4-octet ICMPv6 header (RFC 4861 section 4).

    Solicitation of a router:       reserved (4)
    Advertisement of a router:      hop limit (1) M O … (1) lifetime_s (2) reachable_ms (4) retransmit_ms (4)
    Solicitation of a neighbour:    reserved (4)          target (16)
    Advertisement of a neighbour:   R S O reserved (4)    target (16)

and then options: type (1), length in 8 octets with this header (1), body. A length of 0 is refused (section 4.6).
"""

from __future__ import annotations

import struct
from typing import Self

from weft.values import Ip, Mac, Malformed, Truncated
from weft.wire.header import Header

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT = 133, 134, 135, 136
SOURCE_LINK_ADDRESS, TARGET_LINK_ADDRESS, PREFIX, MTU = 1, 2, 3, 5
_ROUTER = struct.Struct("!BBHII")

Options = tuple[tuple[int, bytes], ...]
"""(type, body without type and length) in the order of the packet; bodies are 8n - 2 octets."""


def parse_options(data: bytes, offset: int = 0) -> tuple[Options, int]:
    """Read options to the end of `data`. Raises Truncated, Malformed (length 0)."""
    options = []
    while offset < len(data):
        have = len(data) - offset
        if have < 8:
            raise Truncated("a neighbour discovery option", 8, have, offset)
        length = data[offset + 1] * 8
        if not length:
            raise Malformed("a neighbour discovery option has length 0", offset + 1)
        if have < length:
            raise Truncated("a neighbour discovery option", length, have, offset)
        options.append((data[offset], data[offset + 2 : offset + length]))
        offset += length
    return tuple(options), offset


def pack_options(options: Options) -> bytes:
    return b"".join(bytes((kind, (len(body) + 2) // 8)) + body for kind, body in options)


def link_address(options: Options, kind: int) -> Mac | None:
    """The Ethernet address in the first option of `kind` (SOURCE_ or TARGET_LINK_ADDRESS), if there is one."""
    return next((Mac(body) for number, body in options if number == kind and len(body) == 6), None)


class Neighbor(Header, frozen=True, gc=False):
    """A neighbour solicitation or advertisement; the three flags belong to the latter. No length but that of the data
    ends the options: it must end where the packet does."""

    target: Ip
    router: bool = False
    solicited: bool = False
    override: bool = False
    options: Options = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Self, int]:
        """Read 20 octets and options. Raises Truncated, Malformed (a multicast target, an option's length)."""
        have = len(data) - offset
        if have < 20:
            raise Truncated("a neighbour discovery message", 20, have, offset)
        flags, target = data[offset], data[offset + 4 : offset + 20]
        if target[0] == 0xFF:
            raise Malformed("the target of neighbour discovery is a multicast address", offset + 4)
        options, end = parse_options(data, offset + 20)
        return cls(Ip(target), bool(flags & 0x80), bool(flags & 0x40), bool(flags & 0x20), options), end

    def pack(self) -> bytes:
        flags = self.router << 7 | self.solicited << 6 | self.override << 5
        return bytes((flags, 0, 0, 0)) + self.target.octets + pack_options(self.options)


class RouterSolicitation(Header, frozen=True, gc=False):
    options: Options = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Self, int]:
        """Read 4 octets and options. Raises Truncated, Malformed."""
        if len(data) < offset + 4:
            raise Truncated("a router solicitation", 4, len(data) - offset, offset)
        options, end = parse_options(data, offset + 4)
        return cls(options), end

    def pack(self) -> bytes:
        return bytes(4) + pack_options(self.options)


class RouterAdvertisement(Header, frozen=True, gc=False):
    """`flags`: 0x80 addresses are managed by DHCPv6, 0x40 other configuration is."""

    hop_limit: int
    flags: int
    lifetime_s: int
    reachable_ms: int = 0
    retransmit_ms: int = 0
    options: Options = ()

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Self, int]:
        """Read 12 octets and options. Raises Truncated, Malformed."""
        if len(data) < offset + 12:
            raise Truncated("a router advertisement", 12, len(data) - offset, offset)
        hop_limit, flags, lifetime, reachable, retransmit = _ROUTER.unpack_from(data, offset)
        options, end = parse_options(data, offset + 12)
        return cls(hop_limit, flags, lifetime, reachable, retransmit, options), end

    def pack(self) -> bytes:
        fields = (self.hop_limit, self.flags, self.lifetime_s, self.reachable_ms, self.retransmit_ms)
        return _ROUTER.pack(*fields) + pack_options(self.options)
