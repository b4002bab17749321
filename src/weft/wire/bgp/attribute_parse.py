"""Reading path attributes, every error with the treatment of RFC 7606.

`TABLE` says of every known type which flags it has, how its value is read, and what an error in it does. What no
table entry reads is passed on if it is transitive, with the Partial flag, and dropped if not (RFC 4271 section 5).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from weft.values import AS_TRANS, Ip, Malformed, Truncated, WireError
from weft.wire.bgp import as_path as as_paths
from weft.wire.bgp import mp
from weft.wire.bgp.attributes import (
    OPTIONAL,
    OPTIONAL_TRANSITIVE,
    WELL_KNOWN,
    Aggregator,
    Flag,
    Origin,
    RawAttribute,
    Type,
)
from weft.wire.bgp.capabilities import Family
from weft.wire.bgp.communities import ExtendedCommunity
from weft.wire.bgp.errors import BgpError, Code, Fault, Treatment
from weft.wire.bgp.evpn import pmsi

_DISCARD, _WITHDRAW = Treatment.DISCARD, Treatment.WITHDRAW


class Context(Struct, frozen=True, kw_only=True):
    """What the session has settled and reading an UPDATE depends on."""

    as4: bool
    """AS numbers have 4 octets (RFC 6793)."""
    internal: bool
    """The neighbour is in our own AS."""
    families: frozenset[Family]


Parser = Callable[[bytes, Context], Any]


class Spec(Struct, frozen=True):
    """How one type is read. `field` is its name in Attributes; "" : kept raw in `others`."""

    flags: Flag
    parse: Parser
    field: str
    treatment: Treatment = _WITHDRAW
    flags_treatment: Treatment = _WITHDRAW
    internal_only: bool = False
    """From an external neighbour it is dropped, well formed or not (RFC 7606 sections 7.5, 7.9, 7.10)."""


def _need(value: bytes, octets: int) -> None:
    if len(value) != octets:
        raise Malformed(f"{len(value)} octets, {octets} are due")


def _units(value: bytes, octets: int) -> int:
    """How many units the value holds: at least one, no rest (RFC 7606 section 7)."""
    count, rest = divmod(len(value), octets)
    if rest or not count:
        raise Malformed(f"{len(value)} octets, not a multiple of {octets} above 0")
    return count


def _origin(value: bytes, _: Context) -> int:
    _need(value, 1)
    if value[0] > Origin.INCOMPLETE:
        raise Malformed(f"value {value[0]} is not defined")
    return value[0]


def _as_path(value: bytes, context: Context) -> as_paths.AsPath:
    return as_paths.parse(value, 4 if context.as4 else 2)


def _as4_path(value: bytes, _: Context) -> as_paths.AsPath:
    return as_paths.parse(value, 4)


def _ip(value: bytes, _: Context) -> Ip:
    _need(value, 4)
    return Ip(value)


def _number(value: bytes, _: Context) -> int:
    _need(value, 4)
    return int.from_bytes(value, "big")


def _empty(value: bytes, _: Context) -> bool:
    _need(value, 0)
    return True


def _aggregator_of(value: bytes, asn_octets: int) -> Aggregator:
    _need(value, asn_octets + 4)
    asn = int.from_bytes(value[:asn_octets], "big")
    if not asn:
        raise Malformed("AS 0")
    return Aggregator(asn, Ip(value[asn_octets:]))


def _aggregator(value: bytes, context: Context) -> Aggregator:
    return _aggregator_of(value, 4 if context.as4 else 2)


def _as4_aggregator(value: bytes, _: Context) -> Aggregator:
    return _aggregator_of(value, 4)


def _communities(value: bytes, _: Context) -> tuple[int, ...]:
    return struct.unpack(f"!{_units(value, 4)}I", value)


def _cluster_list(value: bytes, _: Context) -> tuple[Ip, ...]:
    return tuple(Ip(value[4 * i : 4 * i + 4]) for i in range(_units(value, 4)))


def _ext_communities(value: bytes, _: Context) -> tuple[ExtendedCommunity, ...]:
    return tuple(ExtendedCommunity(value[8 * i : 8 * i + 8]) for i in range(_units(value, 8)))


def _large_communities(value: bytes, _: Context) -> tuple[tuple[int, int, int], ...]:
    _units(value, 12)
    return tuple(struct.iter_unpack("!III", value))


def _pmsi(value: bytes, _: Context) -> pmsi.Pmsi:
    return pmsi.parse(value)


def _tlvs(value: bytes, type_octets: int, length_octets: Callable[[bytes], int]) -> list[bytes]:
    """The values of TLVs that fill `value` exactly; `length_octets` gives the size of a length field from its TLV."""
    found, offset = [], 0
    while offset < len(value):
        start = offset + type_octets + length_octets(value[offset:])
        end = start + int.from_bytes(value[offset + type_octets : start], "big")
        if end > len(value):
            raise Truncated("a TLV", end - offset, len(value) - offset, offset)
        found.append(value[start:end])
        offset = end
    return found


def _tunnel_encapsulation(value: bytes, _: Context) -> bytes:
    # TLVs of type 2, length 2; within them sub-TLVs of type 1 and length 1, or 2 from type 128 (RFC 9012 section 2).
    for tunnel in _tlvs(value, 2, lambda _: 2):
        _tlvs(tunnel, 1, lambda start: 2 if start[0] >= 128 else 1)
    return value


def _prefix_sid(value: bytes, _: Context) -> bytes:
    _tlvs(value, 1, lambda _: 2)  # RFC 8669 section 3
    return value


def _ipv6_ext_communities(value: bytes, _: Context) -> bytes:
    _units(value, 20)  # RFC 5701 section 2
    return value


def _only_to_customer(value: bytes, context: Context) -> bytes:
    if not _number(value, context):  # RFC 9234 section 5; AS 0: RFC 7607
        raise Malformed("AS 0")
    return value


def _unused(_value: bytes, _: Context) -> bytes:
    raise Malformed("of no use between EVPN speakers")


def _reach(value: bytes, _: Context) -> mp.Reach:
    return mp.parse_reach(value)


def _unreach(value: bytes, _: Context) -> mp.Unreach:
    return mp.parse_unreach(value)


TABLE: dict[int, Spec] = {
    Type.ORIGIN: Spec(WELL_KNOWN, _origin, "origin"),
    Type.AS_PATH: Spec(WELL_KNOWN, _as_path, "as_path"),
    Type.NEXT_HOP: Spec(WELL_KNOWN, _ip, "next_hop"),
    Type.MED: Spec(OPTIONAL, _number, "med"),
    Type.LOCAL_PREF: Spec(WELL_KNOWN, _number, "local_pref", internal_only=True),
    # RFC 7606 section 3 (f): no error in these two is worth more than losing the attribute.
    Type.ATOMIC_AGGREGATE: Spec(WELL_KNOWN, _empty, "atomic_aggregate", _DISCARD, _DISCARD),
    Type.AGGREGATOR: Spec(OPTIONAL_TRANSITIVE, _aggregator, "aggregator", _DISCARD, _DISCARD),
    Type.COMMUNITIES: Spec(OPTIONAL_TRANSITIVE, _communities, "communities"),
    Type.ORIGINATOR_ID: Spec(OPTIONAL, _ip, "originator_id", internal_only=True),
    Type.CLUSTER_LIST: Spec(OPTIONAL, _cluster_list, "cluster_list", internal_only=True),
    Type.MP_REACH: Spec(OPTIONAL, _reach, "reach"),
    Type.MP_UNREACH: Spec(OPTIONAL, _unreach, "unreach"),
    Type.EXTENDED_COMMUNITIES: Spec(OPTIONAL_TRANSITIVE, _ext_communities, "ext_communities"),
    Type.AS4_PATH: Spec(OPTIONAL_TRANSITIVE, _as4_path, "as4_path"),
    Type.AS4_AGGREGATOR: Spec(OPTIONAL_TRANSITIVE, _as4_aggregator, "as4_aggregator", _DISCARD, _DISCARD),
    Type.PMSI_TUNNEL: Spec(OPTIONAL_TRANSITIVE, _pmsi, "pmsi"),
    Type.TUNNEL_ENCAPSULATION: Spec(OPTIONAL_TRANSITIVE, _tunnel_encapsulation, ""),
    Type.IPV6_EXTENDED_COMMUNITIES: Spec(OPTIONAL_TRANSITIVE, _ipv6_ext_communities, ""),
    Type.AIGP: Spec(OPTIONAL, _unused, "", _DISCARD, _DISCARD),  # RFC 7311 section 3.2: off by default
    Type.BGP_LS: Spec(OPTIONAL, _unused, "", _DISCARD, _DISCARD),
    Type.LARGE_COMMUNITIES: Spec(OPTIONAL_TRANSITIVE, _large_communities, "large_communities"),
    Type.ONLY_TO_CUSTOMER: Spec(OPTIONAL_TRANSITIVE, _only_to_customer, ""),
    Type.NEXT_HOP_CHARACTERISTICS: Spec(OPTIONAL_TRANSITIVE, _unused, "", _DISCARD, _DISCARD),
    Type.PREFIX_SID: Spec(OPTIONAL_TRANSITIVE, _prefix_sid, "", _DISCARD, _DISCARD),
}


class AttributeBlock:
    """What the path attributes of one UPDATE say: `fields` by name, what is passed on raw, and every error."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.others: list[RawAttribute] = []
        self.faults: list[Fault] = []
        self.seen: set[int] = set()

    @property
    def reach(self) -> mp.Reach | None:
        reach: mp.Reach | None = self.fields.get("reach")
        return reach

    @property
    def unreach(self) -> mp.Unreach | None:
        unreach: mp.Unreach | None = self.fields.get("unreach")
        return unreach

    def fault(self, kind: int, treatment: Treatment, reason: str) -> None:
        name = Type(kind).name if kind in TABLE else f"attribute {kind}"
        self.faults.append(Fault(kind, treatment, f"{name}: {reason}" if kind else reason))


def _flags_conflict(flags: int, expected: Flag) -> bool:
    if flags & OPTIONAL_TRANSITIVE != expected:
        return True
    # Partial means something only on optional transitive attributes (RFC 4271 section 4.3).
    return bool(flags & Flag.PARTIAL) and expected is not OPTIONAL_TRANSITIVE


def _take_unknown(block: AttributeBlock, flags: int, kind: int, value: bytes) -> None:
    if not flags & Flag.OPTIONAL:
        # A well-known attribute that we do not know. RFC 4271 section 6.3 would end the session over it; in the
        # spirit of RFC 7606 section 3 only the routes that depend on it are lost.
        block.fault(kind, _WITHDRAW, "not known, though its flags say that everybody knows it")
    elif flags & Flag.TRANSITIVE:
        passed = flags & ~Flag.EXTENDED_LENGTH | Flag.PARTIAL
        block.others.append(RawAttribute(passed, kind, value))
    else:
        block.fault(kind, _DISCARD, "not known and not transitive")


def _take(block: AttributeBlock, flags: int, kind: int, value: bytes, context: Context) -> None:
    """Read one attribute into the block. Raises BgpError."""
    spec = TABLE.get(kind)
    if kind in block.seen:
        if kind in (Type.MP_REACH, Type.MP_UNREACH):
            # RFC 7606 section 3 (g): which of the two holds the routes cannot be known.
            raise BgpError(Code.UPDATE, mp.MALFORMED_LIST, f"{Type(kind).name} comes twice")
        block.fault(kind, _DISCARD, "comes again, the first one counts")
        return
    block.seen.add(kind)
    if spec is None:
        _take_unknown(block, flags, kind, value)
        return
    if _flags_conflict(flags, spec.flags):
        block.fault(kind, spec.flags_treatment, f"flags {flags:#04x} where {int(spec.flags):#04x} is due")
        if spec.field not in ("reach", "unreach"):
            return
    if spec.internal_only and not context.internal:
        block.fault(kind, _DISCARD, "from an external neighbour")
        return
    try:
        read = spec.parse(value, context)
    except BgpError:
        raise
    except WireError as error:
        treatment = spec.treatment
        if kind == Type.AS4_PATH and not context.as4:
            treatment = _DISCARD  # RFC 6793 section 6, of an AS4_PATH where it belongs
        block.fault(kind, treatment, str(error))
        return
    if spec.field:
        block.fields[spec.field] = read
    else:
        block.others.append(RawAttribute(flags & ~Flag.EXTENDED_LENGTH, kind, value))


def _join_as4(block: AttributeBlock, context: Context) -> None:
    """Fold AS4_PATH and AS4_AGGREGATOR into their 2-octet forms (RFC 6793 section 4.2.3)."""
    path: as_paths.AsPath | None = block.fields.pop("as4_path", None)
    aggregator: Aggregator | None = block.fields.pop("as4_aggregator", None)
    if context.as4:
        return
    short: Aggregator | None = block.fields.get("aggregator")
    if short is not None and aggregator is not None:
        if short.asn != AS_TRANS:
            return  # an aggregator that knew no 4-octet AS numbers came later: both are stale
        block.fields["aggregator"] = aggregator
    if path is not None and "as_path" in block.fields:
        block.fields["as_path"] = as_paths.merge(block.fields["as_path"], path)


def parse(octets: bytes, context: Context) -> AttributeBlock:
    """Read the path attributes field of an UPDATE. Raises BgpError only where RFC 7606 wants the session to end."""
    block, offset, end = AttributeBlock(), 0, len(octets)
    while offset < end:
        header = 4 if octets[offset] & Flag.EXTENDED_LENGTH else 3
        value_at = offset + header
        if value_at > end:
            block.seen.add(0)
            block.fault(0, _WITHDRAW, "the last path attribute is cut short")  # RFC 7606 section 4
            break
        flags, kind = octets[offset], octets[offset + 1]
        following = value_at + int.from_bytes(octets[offset + 2 : value_at], "big")
        if following > end:
            block.seen.add(kind)
            block.fault(kind, _WITHDRAW, "longer than the path attributes field")
            break
        _take(block, flags, kind, octets[value_at:following], context)
        offset = following
    _join_as4(block, context)
    return block
