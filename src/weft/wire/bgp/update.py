"""UPDATE (RFC 4271 section 4.3), with the revised error handling of RFC 7606.

    | length 2 | withdrawn IPv4 prefixes | length 2 | path attributes | IPv4 prefixes |

EVPN routes travel in MP_REACH_NLRI and MP_UNREACH_NLRI. IPv4 prefixes outside of these are checked for form and
counted, never used.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from weft.values import Ip
from weft.wire.bgp import attribute_parse, attributes, evpn, framing, mp
from weft.wire.bgp.attribute_parse import AttributeBlock, Context
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.capabilities import EVPN, IPV4_UNICAST, Family
from weft.wire.bgp.errors import BgpError, Code, Fault, Treatment
from weft.wire.bgp.evpn import EvpnRoute, MalformedRoute

_MANDATORY = (attributes.Type.ORIGIN, attributes.Type.AS_PATH)


class Update(Struct, frozen=True, kw_only=True):
    """What an UPDATE asks for once every error in it has been treated."""

    announced: tuple[tuple[bytes, EvpnRoute], ...]
    """(NLRI as it came, the route); empty if the routes had to be treated as withdrawn."""
    attributes: Attributes | None
    """Those of the announced routes; None if there are none."""
    withdrawn: tuple[bytes, ...]
    """Keys of routes withdrawn, or treated so."""
    faults: tuple[Fault, ...]
    """Errors with their treatment and reason."""
    malformed_routes: tuple[str, ...]
    """A reason for each single NLRI that could not be read."""
    end_of_rib: Family | None
    ignored_routes: int
    """IPv4 prefixes, and 1 for each MP attribute of a family that was not agreed."""

    @property
    def treatment(self) -> Treatment | None:
        """The strongest of the faults' (RFC 7606 section 3 (h))."""
        return max((fault.treatment for fault in self.faults), default=None)


def _fields(body: bytes) -> tuple[bytes, bytes, bytes]:
    """Withdrawn prefixes, path attributes, prefixes. Raises BgpError 3/1 (RFC 4271 section 6.3, RFC 7606 section 4)."""
    attributes_at = 2 + int.from_bytes(body[:2], "big")
    nlri_at = attributes_at + 2 + int.from_bytes(body[attributes_at : attributes_at + 2], "big")
    if len(body) < attributes_at + 2 or len(body) < nlri_at:
        raise BgpError(Code.UPDATE, mp.MALFORMED_LIST, "the lengths in the UPDATE exceed the message")
    return body[2:attributes_at], body[attributes_at + 2 : nlri_at], body[nlri_at:]


def _is_martian(next_hop: Ip) -> bool:
    first = next_hop.octets[0]
    return first in (0, 127) or first >= 224


def _judge(block: AttributeBlock, prefixes: int) -> None:
    """Errors that show only in the message as a whole. Raises BgpError."""
    reachable = bool(prefixes) or block.reach is not None
    if reachable:
        for kind in _MANDATORY:
            if kind not in block.seen:
                block.fault(kind, Treatment.WITHDRAW, "missing")  # RFC 7606 section 3 (d)
    if prefixes:
        next_hop: Ip | None = block.fields.get("next_hop")
        if attributes.Type.NEXT_HOP not in block.seen:
            block.fault(attributes.Type.NEXT_HOP, Treatment.WITHDRAW, "missing")
        elif next_hop is not None and _is_martian(next_hop):
            block.fault(attributes.Type.NEXT_HOP, Treatment.WITHDRAW, f"{next_hop} is no host's address")
    strong = any(fault.treatment >= Treatment.WITHDRAW for fault in block.faults)
    if strong and not reachable and block.seen != {attributes.Type.MP_UNREACH}:
        # RFC 7606 section 5.2: routes were meant to be there and have been lost with the error.
        reason = block.faults[-1].reason
        raise BgpError(Code.UPDATE, mp.MALFORMED_LIST, f"no routes beside a malformed attribute ({reason})")


def _read_routes(nlris: tuple[bytes, ...]) -> tuple[list[tuple[bytes, EvpnRoute]], list[bytes], list[str]]:
    """Routes, keys of malformed ones (to be withdrawn), and a reason for each malformed one."""
    routes: list[tuple[bytes, EvpnRoute]] = []
    keys: list[bytes] = []
    reasons: list[str] = []
    for nlri in nlris:
        try:
            routes.append((nlri, evpn.parse(nlri)))
        except MalformedRoute as error:
            reasons.append(str(error))
            if error.key is not None:
                keys.append(error.key)
    return routes, keys, reasons


def _attributes(block: AttributeBlock, next_hop: Ip) -> Attributes:
    fields = {name: value for name, value in block.fields.items() if name not in ("reach", "unreach", "next_hop")}
    others = tuple(sorted(block.others, key=lambda raw: raw.type))
    return Attributes(next_hop=next_hop, others=others, **fields)


def _end_of_rib(body: bytes, block: AttributeBlock) -> Family | None:
    if body == bytes(4):
        return IPV4_UNICAST
    if block.seen == {attributes.Type.MP_UNREACH} and block.unreach is not None and block.unreach.empty:
        return block.unreach.family
    return None


def parse(body: bytes, context: Context) -> Update:
    """Read the body of an UPDATE. Raises BgpError with code 3, only where the session has to end."""
    withdrawn_prefixes, octets, prefixes = _fields(body)
    ignored = mp.count_prefixes(withdrawn_prefixes, 32)
    announced_prefixes = mp.count_prefixes(prefixes, 32)
    block = attribute_parse.parse(octets, context)
    _judge(block, announced_prefixes)
    ignored += announced_prefixes

    reach, unreach = block.reach, block.unreach
    agreed = EVPN in context.families
    routes, withdrawn, reasons = _read_routes(unreach.nlris if unreach is not None and agreed else ())
    withdrawn += [route.key for _, route in routes]
    announced: list[tuple[bytes, EvpnRoute]] = []
    if reach is not None and agreed:
        announced, keys, more = _read_routes(reach.nlris)
        withdrawn, reasons = withdrawn + keys, reasons + more
    for family in (part.family for part in (reach, unreach) if part is not None):
        ignored += family not in context.families
    if any(fault.treatment is Treatment.WITHDRAW for fault in block.faults):
        withdrawn += [route.key for _, route in announced]
        announced = []
    next_hop = reach.next_hop if announced and reach is not None else None
    return Update(
        announced=tuple(announced),
        attributes=None if next_hop is None else _attributes(block, next_hop),
        withdrawn=tuple(withdrawn),
        faults=tuple(block.faults),
        malformed_routes=tuple(reasons),
        end_of_rib=_end_of_rib(body, block),
        ignored_routes=ignored,
    )


def _message(attribute_octets: bytes) -> bytes:
    body = struct.pack("!HH", 0, len(attribute_octets)) + attribute_octets
    return framing.pack(framing.MessageType.UPDATE, body)


END_OF_RIB = _message(mp.pack_unreach(b""))
"""End-of-RIB of EVPN (RFC 4724 section 2)."""

# Around the NLRI of one attribute: message header, two lengths, attribute header with a 2-octet length.
_FRAME_OCTETS = framing.HEADER_OCTETS + 4 + 4


def _chunks(nlris: list[bytes], room: int) -> list[bytes]:
    """Join NLRIs into fields of at most `room` octets."""
    chunks: list[bytes] = []
    current: list[bytes] = []
    size = 0
    for nlri in nlris:
        if size + len(nlri) > room and current:
            chunks.append(b"".join(current))
            current, size = [], 0
        current.append(nlri)
        size += len(nlri)
    if current:
        chunks.append(b"".join(current))
    return chunks


def pack_announcements(nlris: list[bytes], next_hop: Ip, packed_attributes: bytes, limit: int) -> list[bytes]:
    """Messages of at most `limit` octets that announce the NLRIs, all with the same attributes.

    MP_REACH_NLRI comes first, so that a receiver finds the routes even if a later attribute is bad (RFC 7606
    section 5.1). Returns [] if the attributes leave no room for a single route.
    """
    room = limit - _FRAME_OCTETS - 5 - len(next_hop.octets) - len(packed_attributes)
    if any(len(nlri) > room for nlri in nlris):
        return []
    return [_message(mp.pack_reach(next_hop, chunk) + packed_attributes) for chunk in _chunks(nlris, room)]


def pack_withdrawals(nlris: list[bytes], limit: int) -> list[bytes]:
    """Messages of at most `limit` octets that withdraw the NLRIs."""
    return [_message(mp.pack_unreach(chunk)) for chunk in _chunks(nlris, limit - _FRAME_OCTETS - 3)]
