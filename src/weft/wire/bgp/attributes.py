"""Path attributes as values, and their octets to send (RFC 4271 section 4.3). Reading: attribute_parse.py.

| flags 1 | type 1 | length 1, or 2 with the extended length flag | value |
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag

from msgspec import Struct

from weft.values import AS_TRANS, Ip
from weft.wire.bgp import as_path as as_paths
from weft.wire.bgp.as_path import AsPath
from weft.wire.bgp.communities import ExtendedCommunity
from weft.wire.bgp.evpn.pmsi import Pmsi


class Flag(IntFlag):
    OPTIONAL = 0x80
    TRANSITIVE = 0x40
    PARTIAL = 0x20
    EXTENDED_LENGTH = 0x10


WELL_KNOWN = Flag.TRANSITIVE
OPTIONAL = Flag.OPTIONAL
OPTIONAL_TRANSITIVE = Flag.OPTIONAL | Flag.TRANSITIVE


class Type(IntEnum):
    """Attribute type codes (IANA registry) that this speaker knows."""

    ORIGIN = 1
    AS_PATH = 2
    NEXT_HOP = 3
    MED = 4
    LOCAL_PREF = 5
    ATOMIC_AGGREGATE = 6
    AGGREGATOR = 7
    COMMUNITIES = 8
    ORIGINATOR_ID = 9
    CLUSTER_LIST = 10
    MP_REACH = 14
    MP_UNREACH = 15
    EXTENDED_COMMUNITIES = 16
    AS4_PATH = 17
    AS4_AGGREGATOR = 18
    PMSI_TUNNEL = 22
    TUNNEL_ENCAPSULATION = 23
    IPV6_EXTENDED_COMMUNITIES = 25
    AIGP = 26
    BGP_LS = 29
    LARGE_COMMUNITIES = 32
    ONLY_TO_CUSTOMER = 35
    NEXT_HOP_CHARACTERISTICS = 39
    PREFIX_SID = 40


class Origin(IntEnum):
    IGP = 0
    EGP = 1
    INCOMPLETE = 2


NO_EXPORT, NO_ADVERTISE, NO_EXPORT_SUBCONFED = 0xFFFFFF01, 0xFFFFFF02, 0xFFFFFF03
"""Well-known communities (RFC 1997)."""


class Aggregator(Struct, frozen=True, gc=False):
    asn: int
    ip: Ip


class RawAttribute(Struct, frozen=True, gc=False):
    """An attribute that is passed on as it came; `flags` without the extended length flag."""

    flags: int
    type: int
    value: bytes


class Attributes(Struct, frozen=True, kw_only=True, cache_hash=True, weakref=True):
    """The attributes of a route, next hop included. Equal ones are made one object by whoever keeps many."""

    next_hop: Ip
    origin: int = Origin.IGP
    as_path: AsPath = ()
    med: int | None = None
    local_pref: int | None = None
    atomic_aggregate: bool = False
    aggregator: Aggregator | None = None
    communities: tuple[int, ...] = ()
    originator_id: Ip | None = None
    cluster_list: tuple[Ip, ...] = ()
    ext_communities: tuple[ExtendedCommunity, ...] = ()
    large_communities: tuple[tuple[int, int, int], ...] = ()
    pmsi: Pmsi | None = None
    others: tuple[RawAttribute, ...] = ()
    """Everything else that may be passed on, in order of type."""


def encode(flags: int, kind: int, value: bytes) -> bytes:
    """One attribute with its header; the extended length flag is set where needed."""
    if len(value) > 255:
        return struct.pack("!BBH", flags | Flag.EXTENDED_LENGTH, kind, len(value)) + value
    return bytes((flags, kind, len(value))) + value


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return struct.pack(f"!{len(numbers)}I", *numbers)


def _paths(attributes: Attributes, as4: bool) -> list[tuple[int, int, bytes]]:
    """AS_PATH and AGGREGATOR, and for a 2-octet neighbour what it cannot read (RFC 6793 section 4.2.2)."""
    path, aggregator = attributes.as_path, attributes.aggregator
    items: list[tuple[int, int, bytes]] = [(WELL_KNOWN, Type.AS_PATH, as_paths.pack(path, 4 if as4 else 2))]
    if not as4 and any(asn > 0xFFFF for asn in as_paths.asns(path)):
        items.append((OPTIONAL_TRANSITIVE, Type.AS4_PATH, as_paths.pack(path, 4)))
    if aggregator is not None:
        whole = struct.pack("!I", aggregator.asn) + aggregator.ip.octets
        if as4:
            items.append((OPTIONAL_TRANSITIVE, Type.AGGREGATOR, whole))
        else:
            short_asn = aggregator.asn if aggregator.asn <= 0xFFFF else AS_TRANS
            short = struct.pack("!H", short_asn) + aggregator.ip.octets
            items.append((OPTIONAL_TRANSITIVE, Type.AGGREGATOR, short))
            if short_asn != aggregator.asn:
                items.append((OPTIONAL_TRANSITIVE, Type.AS4_AGGREGATOR, whole))
    return items


def _optional(attributes: Attributes) -> list[tuple[int, int, bytes]]:
    a = attributes
    large = b"".join(struct.pack("!III", *community) for community in a.large_communities)
    present = [
        (OPTIONAL, Type.MED, None if a.med is None else _numbers((a.med,))),
        (WELL_KNOWN, Type.LOCAL_PREF, None if a.local_pref is None else _numbers((a.local_pref,))),
        (WELL_KNOWN, Type.ATOMIC_AGGREGATE, b"" if a.atomic_aggregate else None),
        (OPTIONAL_TRANSITIVE, Type.COMMUNITIES, _numbers(a.communities) or None),
        (OPTIONAL, Type.ORIGINATOR_ID, None if a.originator_id is None else a.originator_id.octets),
        (OPTIONAL, Type.CLUSTER_LIST, b"".join(cluster.octets for cluster in a.cluster_list) or None),
        (
            OPTIONAL_TRANSITIVE,
            Type.EXTENDED_COMMUNITIES,
            b"".join(community.octets for community in a.ext_communities) or None,
        ),
        (OPTIONAL_TRANSITIVE, Type.PMSI_TUNNEL, None if a.pmsi is None else a.pmsi.pack()),
        (OPTIONAL_TRANSITIVE, Type.LARGE_COMMUNITIES, large or None),
    ]
    return [(flags, kind, value) for flags, kind, value in present if value is not None]


def pack(attributes: Attributes, as4: bool = True) -> bytes:
    """All attributes but the next hop, which travels in MP_REACH_NLRI, ordered by type (RFC 4271 section 5)."""
    items = [(int(WELL_KNOWN), int(Type.ORIGIN), bytes((attributes.origin,)))]
    items += _paths(attributes, as4) + _optional(attributes)
    items += [(raw.flags, raw.type, raw.value) for raw in attributes.others]
    return b"".join(encode(*item) for item in sorted(items, key=lambda item: item[1]))
