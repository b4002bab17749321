"""MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760 sections 3 and 4), and prefixes of unicast families.

    MP_REACH   | AFI 2 | SAFI 1 | length 1 | next hop | reserved 1 | NLRI |
    MP_UNREACH | AFI 2 | SAFI 1 | withdrawn NLRI |

What cannot be located here ends the session: all routes of the message would be lost unseen (RFC 7606 sections
5.3 and 7.11).
"""

from __future__ import annotations

import struct

from msgspec import Struct

from weft.values import Ip, WireError
from weft.wire.bgp import attributes, evpn
from weft.wire.bgp.attributes import OPTIONAL, Type
from weft.wire.bgp.capabilities import EVPN, IPV4_UNICAST, IPV6_UNICAST, Family
from weft.wire.bgp.errors import BgpError, Code

MALFORMED_LIST, OPTIONAL_ATTRIBUTE, INVALID_NETWORK = 1, 9, 10
_PREFIX_BITS = {IPV4_UNICAST: 32, IPV6_UNICAST: 128}
# A 32-octet next hop is a global and a link-local address (RFC 2545 section 3, RFC 8950 section 3).
_NEXT_HOPS = {IPV4_UNICAST: (4, 16, 32), IPV6_UNICAST: (16, 32), EVPN: (4, 16, 32)}


class Reach(Struct, frozen=True):
    """An MP_REACH_NLRI. `next_hop` is None for families other than EVPN; `nlris` are cut out only for EVPN."""

    family: Family
    next_hop: Ip | None
    nlris: tuple[bytes, ...]


class Unreach(Struct, frozen=True):
    """An MP_UNREACH_NLRI. `empty` marks an End-of-RIB (RFC 4724 section 2)."""

    family: Family
    nlris: tuple[bytes, ...]
    empty: bool


def count_prefixes(octets: bytes, bits: int) -> int:
    """How many unicast prefixes `| bits 1 | address |` the field holds. Raises BgpError 3/10."""
    offset = count = 0
    while offset < len(octets):
        if octets[offset] > bits:
            raise BgpError(Code.UPDATE, INVALID_NETWORK, f"a prefix of {octets[offset]} bits")
        offset += 1 + (octets[offset] + 7) // 8
        if offset > len(octets):
            raise BgpError(Code.UPDATE, INVALID_NETWORK, "a prefix is cut short")
        count += 1
    return count


def _nlris(family: Family, octets: bytes) -> tuple[bytes, ...]:
    if family == EVPN:
        return tuple(evpn.split(octets))
    if family in _PREFIX_BITS:
        count_prefixes(octets, _PREFIX_BITS[family])
    return ()


def parse_reach(value: bytes) -> Reach:
    """Read an MP_REACH_NLRI value. Raises BgpError: next hop and NLRI cannot be told apart, or no NLRI."""
    if len(value) < 5:
        raise BgpError(Code.UPDATE, OPTIONAL_ATTRIBUTE, "MP_REACH_NLRI is cut short", value)
    family, size = Family(*struct.unpack_from("!HB", value)), value[3]
    if size not in _NEXT_HOPS.get(family, (size,)) or len(value) < 5 + size:
        raise BgpError(Code.UPDATE, MALFORMED_LIST, f"MP_REACH_NLRI with a next hop of {size} octets")
    if len(value) == 5 + size:
        raise BgpError(Code.UPDATE, OPTIONAL_ATTRIBUTE, "MP_REACH_NLRI without NLRI", value)
    try:
        nlris = _nlris(family, value[5 + size :])
    except WireError as error:
        raise BgpError(Code.UPDATE, OPTIONAL_ATTRIBUTE, f"MP_REACH_NLRI: {error}", value) from None
    next_hop = Ip(value[4 : 4 + min(size, 16)]) if family == EVPN else None
    return Reach(family, next_hop, nlris)


def parse_unreach(value: bytes) -> Unreach:
    """Read an MP_UNREACH_NLRI value. Raises BgpError 3/9."""
    if len(value) < 3:
        raise BgpError(Code.UPDATE, OPTIONAL_ATTRIBUTE, "MP_UNREACH_NLRI is cut short", value)
    family = Family(*struct.unpack_from("!HB", value))
    try:
        return Unreach(family, _nlris(family, value[3:]), len(value) == 3)
    except WireError as error:
        raise BgpError(Code.UPDATE, OPTIONAL_ATTRIBUTE, f"MP_UNREACH_NLRI: {error}", value) from None


def pack_reach(next_hop: Ip, nlris: bytes) -> bytes:
    """The whole attribute for EVPN routes."""
    header = struct.pack("!HBB", *EVPN, len(next_hop.octets))
    return attributes.encode(OPTIONAL, Type.MP_REACH, header + next_hop.octets + b"\0" + nlris)


def pack_unreach(nlris: bytes) -> bytes:
    """The whole attribute for EVPN routes; without any it is the End-of-RIB."""
    return attributes.encode(OPTIONAL, Type.MP_UNREACH, struct.pack("!HB", *EVPN) + nlris)
