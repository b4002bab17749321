"""The identifiers of BGP/MPLS VPNs and EVPN: route distinguisher, route target, Ethernet segment.

RD and RT: RFC 4364 sections 4.2 and 4.3.1 and RFC 4360; ESI: RFC 7432 section 5.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from msgspec import Struct

from weft.values.addresses import Ip
from weft.values.errors import InvalidValue


def _split(text: str, what: str) -> tuple[int, bytes]:
    """Read `AS:n` or `IPv4:n` as (type, 6 octets) of RFC 4364 section 4.2. Raises InvalidValue."""
    left, colon, right = text.rpartition(":")
    if not colon or not right.isascii() or not right.isdigit():
        raise InvalidValue(f"{text!r} is not a {what} such as 65001:10110 or 192.0.2.7:110")
    number = int(right)
    if "." in left:
        return 1, Ip.parse(left).octets + _fit(number, 0xFFFF, "!H", text, what)
    if not left.isascii() or not left.isdigit() or int(left) > 0xFFFFFFFF:
        raise InvalidValue(f"{text!r} is not a {what}: {left!r} is neither an AS number nor an IPv4 address")
    asn = int(left)
    if asn <= 0xFFFF:
        return 0, struct.pack("!H", asn) + _fit(number, 0xFFFFFFFF, "!I", text, what)
    return 2, struct.pack("!I", asn) + _fit(number, 0xFFFF, "!H", text, what)


def _fit(number: int, limit: int, fmt: str, text: str, what: str) -> bytes:
    if number > limit:
        raise InvalidValue(f"{what} {text!r}: {number} is above {limit}, the most that fits beside that administrator")
    return struct.pack(fmt, number)


def _join(kind: int, octets: bytes) -> str:
    if kind == 0:
        return "{}:{}".format(*struct.unpack("!HI", octets))
    if kind == 1:
        return f"{Ip(octets[:4])}:{int.from_bytes(octets[4:], 'big')}"
    return "{}:{}".format(*struct.unpack("!IH", octets))


class Rd(Struct, frozen=True, order=True, gc=False):
    """A route distinguisher; `octets` has length 8, the first two are its type."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 8:
            raise InvalidValue(f"a route distinguisher has 8 octets, not {len(self.octets)}")

    @classmethod
    def parse(cls, text: str) -> Rd:
        """Read `AS:n` or `IPv4:n`. Raises InvalidValue."""
        kind, rest = _split(text, "route distinguisher")
        return cls(struct.pack("!H", kind) + rest)

    @classmethod
    def of(cls, router_id: Ip, index: int) -> Rd:
        """Type 1, `router-id:index`, as RFC 7432 section 7.9 recommends. Raises InvalidValue."""
        if router_id.version != 4 or not 0 <= index <= 0xFFFF:
            raise InvalidValue(f"no route distinguisher of {router_id} and index {index}")
        return cls(b"\0\1" + router_id.octets + struct.pack("!H", index))

    def __str__(self) -> str:
        kind = int.from_bytes(self.octets[:2], "big")
        return _join(kind, self.octets[2:]) if kind <= 2 else "0x" + self.octets.hex()


class RouteTarget(Struct, frozen=True, order=True, gc=False):
    """A route target extended community; `octets` has length 8 (type, subtype 2, value)."""

    SUBTYPE: ClassVar[int] = 2
    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 8 or self.octets[0] & 0xBF > 2 or self.octets[1] != self.SUBTYPE:
            raise InvalidValue(f"{self.octets.hex()} is not a route target")

    @classmethod
    def parse(cls, text: str) -> RouteTarget:
        """Read `AS:n` or `IPv4:n`. Raises InvalidValue."""
        kind, rest = _split(text, "route target")
        return cls(bytes((kind, cls.SUBTYPE)) + rest)

    def __str__(self) -> str:
        return _join(self.octets[0] & 0x3F, self.octets[2:])


class Esi(Struct, frozen=True, order=True, gc=False):
    """An Ethernet segment identifier; `octets` has length 10. All zero: a single-homed site."""

    octets: bytes = bytes(10)

    def __post_init__(self) -> None:
        if len(self.octets) != 10:
            raise InvalidValue(f"an Ethernet segment identifier has 10 octets, not {len(self.octets)}")

    def __str__(self) -> str:
        return self.octets.hex(":")

    @property
    def is_zero(self) -> bool:
        return not any(self.octets)
