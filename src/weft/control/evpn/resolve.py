"""Best routes -> what they mean for this VTEP, or why they mean nothing. Pure reading, no state."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from weft.control.bgp import Route
from weft.control.evpn.mobility import Claim
from weft.control.evpn.reasons import Ignored
from weft.forwarding.rows import Target
from weft.values import Encap, Ip, Mac
from weft.wire.bgp import communities
from weft.wire.bgp.communities import ExtendedCommunity, TunnelType
from weft.wire.bgp.evpn import Imet, MacIp
from weft.wire.bgp.evpn.pmsi import INGRESS_REPLICATION


class Reach(Struct, frozen=True, gc=False):
    """A type 2 route: an address and the claim to it."""

    mac: Mac
    claim: Claim


class Member(Struct, frozen=True, gc=False):
    """A type 3 route: a receiver of flooded frames."""

    target: Target


def read(route: Route, own: frozenset[Ip]) -> Reach | Member | Ignored | None:
    """What a route says; None: a type that concerns no bridge table. `own` are this VTEP's addresses."""
    nlri, attributes = route.nlri, route.attributes
    if not isinstance(nlri, MacIp | Imet):
        return None
    if not carries_vxlan(attributes.ext_communities):
        return Ignored.ENCAP_NOT_SUPPORTED
    pmsi = attributes.pmsi
    if isinstance(nlri, Imet):
        if pmsi is None or pmsi.tunnel_type != INGRESS_REPLICATION or len(pmsi.tunnel_id) not in (4, 16):
            return Ignored.NO_INGRESS_REPLICATION
        target = Target(Encap.VXLAN, Ip(pmsi.tunnel_id), pmsi.label)
    else:
        target = Target(Encap.VXLAN, attributes.next_hop, nlri.label)
    problem = _problem(target, own)
    if problem is not None:
        return problem
    if isinstance(nlri, Imet):
        return Member(target)
    if nlri.mac.is_group or nlri.mac.is_zero:
        return Ignored.BAD_MAC
    mobility = communities.mac_mobility(attributes.ext_communities)
    sequence, sticky = (mobility.sequence, mobility.sticky) if mobility else (0, False)
    sticky = sticky or communities.is_default_gateway(attributes.ext_communities)
    return Reach(nlri.mac, Claim(target, sequence, sticky))


def _problem(target: Target, own: frozenset[Ip]) -> Ignored | None:
    if target.remote.version not in {address.version for address in own}:
        return Ignored.NEXT_HOP_VERSION
    if target.remote in own:
        return Ignored.OWN_NEXT_HOP
    return None if target.key else Ignored.BAD_LABEL


def carries_vxlan(ext_communities: Iterable[ExtendedCommunity]) -> bool:
    """Offered explicitly, or nothing is offered: then the configured encapsulation counts (RFC 8365 section 5.1.3)."""
    offered = communities.encapsulations(ext_communities)
    return not offered or TunnelType.VXLAN in offered
