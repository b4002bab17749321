"""Route reflection (RFC 4456) and the loop checks on what comes in."""

from __future__ import annotations

from msgspec import structs

from weft.config.tree import Bgp
from weft.control.bgp.reasons import Reason
from weft.control.bgp.route import Source
from weft.values import Ip
from weft.wire.bgp import as_path
from weft.wire.bgp.attributes import Attributes


def _is_unusable(next_hop: Ip) -> bool:
    octets = next_hop.octets
    if len(octets) == 4:
        return octets[0] in (0, 127) or octets[0] >= 224
    return octets[0] == 0xFF or octets[:15] == bytes(15)  # multicast; unspecified or loopback


def exclusion(attributes: Attributes, bgp: Bgp, own: frozenset[Ip]) -> Reason | None:
    """Why a received route must not be used, or None. `own` are the addresses known to be ours.

    Such a route stays in the Adj-RIB-In, where it can be looked at with its reason.
    """
    if bgp.asn in as_path.asns(attributes.as_path):
        return Reason.AS_LOOP
    if attributes.originator_id == bgp.router_id:
        return Reason.ORIGINATOR_LOOP
    if bgp.cluster_id in attributes.cluster_list:
        return Reason.CLUSTER_LOOP
    if _is_unusable(attributes.next_hop):
        return Reason.NEXT_HOP_UNUSABLE
    if attributes.next_hop in own:
        return Reason.NEXT_HOP_OWN
    return None


def reflect(attributes: Attributes, source: Source, to_client: bool, bgp: Bgp) -> Attributes | None:
    """An internal route as sent to another internal peer; None if only a full mesh would carry it there.

    Routes pass from clients to all, from others to clients (RFC 4456 section 6). Only ORIGINATOR_ID and
    CLUSTER_LIST change (sections 8 and 10).
    """
    if not (source.client or to_client):
        return None
    return structs.replace(
        attributes,
        originator_id=attributes.originator_id or source.router_id,
        cluster_list=(bgp.cluster_id, *attributes.cluster_list),
    )
