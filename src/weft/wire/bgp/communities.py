"""Extended communities (RFC 4360): 8 octets, of which type and subtype say how to read the rest.

Those EVPN over tunnels needs have readers and makers here; any other stays octets and passes through.

| octets | community | RFC |
|---|---|---|
| 00, 01 or 02, 02 | route target | 4360 section 4, 5668 |
| 03 0c | encapsulation: reserved 4, tunnel type 2 | 9012 section 4.1 |
| 03 0d | default gateway, zeros | 4360 registry, 7432 section 10.1 |
| 06 00 | MAC mobility: flags 1 (bit 0 sticky), reserved 1, sequence 4 | 7432 section 7.7 |
| 06 03 | router's MAC | 9135 section 8.1 |
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct

from weft.values import InvalidValue, Mac, RouteTarget

OCTETS = 8
_NON_TRANSITIVE = 0x40
_ROUTE_TARGET_TYPES = (0, 1, 2)
_STICKY = 0x01


class TunnelType(IntEnum):
    """Tunnel types of RFC 9012 (IANA registry) that weft names; STT has none."""

    L2TPV3 = 1
    GRE = 2
    IPIP = 7
    VXLAN = 8
    NVGRE = 9
    MPLS = 10
    MPLS_IN_GRE = 11
    VXLAN_GPE = 12
    MPLS_IN_UDP = 13
    GENEVE = 19


class MacMobility(Struct, frozen=True, gc=False):
    sequence: int
    sticky: bool


class ExtendedCommunity(Struct, frozen=True, order=True, gc=False):
    """One extended community; `octets` has length 8."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != OCTETS:
            raise InvalidValue(f"an extended community has 8 octets, not {len(self.octets)}")

    @classmethod
    def of_route_target(cls, target: RouteTarget) -> ExtendedCommunity:
        return cls(target.octets)

    @classmethod
    def of_encapsulation(cls, tunnel_type: int) -> ExtendedCommunity:
        return cls(struct.pack("!BBIH", 0x03, 0x0C, 0, tunnel_type))

    @classmethod
    def of_default_gateway(cls) -> ExtendedCommunity:
        return cls(b"\x03\x0d" + bytes(6))

    @classmethod
    def of_mac_mobility(cls, sequence: int, sticky: bool = False) -> ExtendedCommunity:
        return cls(struct.pack("!BBBBI", 0x06, 0x00, _STICKY if sticky else 0, 0, sequence))

    @classmethod
    def of_router_mac(cls, mac: Mac) -> ExtendedCommunity:
        return cls(b"\x06\x03" + mac.octets)

    @property
    def transitive(self) -> bool:
        """False: it must not leave the AS (RFC 4360 section 2)."""
        return not self.octets[0] & _NON_TRANSITIVE

    @property
    def kind(self) -> bytes:
        """Type and subtype, 2 octets."""
        return self.octets[:2]


def route_targets(communities: Iterable[ExtendedCommunity]) -> tuple[RouteTarget, ...]:
    """The route targets, in their order."""
    return tuple(
        RouteTarget(community.octets)
        for community in communities
        if community.octets[0] in _ROUTE_TARGET_TYPES and community.octets[1] == RouteTarget.SUBTYPE
    )


def encapsulations(communities: Iterable[ExtendedCommunity]) -> tuple[int, ...]:
    """The tunnel types offered, in their order, also those without a name in TunnelType."""
    return tuple(
        int.from_bytes(community.octets[6:], "big") for community in communities if community.kind == b"\x03\x0c"
    )


def is_default_gateway(communities: Iterable[ExtendedCommunity]) -> bool:
    return any(community.kind == b"\x03\x0d" for community in communities)


def mac_mobility(communities: Iterable[ExtendedCommunity]) -> MacMobility | None:
    """Sequence number and sticky bit; of several the first counts."""
    for community in communities:
        if community.kind == b"\x06\x00":
            flags, sequence = struct.unpack_from("!BxI", community.octets, 2)
            return MacMobility(sequence, bool(flags & _STICKY))
    return None


def router_mac(communities: Iterable[ExtendedCommunity]) -> Mac | None:
    """The router's MAC; of several the first counts."""
    for community in communities:
        if community.kind == b"\x06\x03":
            return Mac(community.octets[2:])
    return None
