"""What a route looks like when it is sent to a neighbour, if it is sent at all (RFC 4271 sections 5 and 9.2)."""

from __future__ import annotations

from msgspec import Struct, structs

from weft.config.tree import Bgp
from weft.control.bgp import reflector
from weft.control.bgp.best_path import DEFAULT_LOCAL_PREF
from weft.control.bgp.route import Source
from weft.values import Ip
from weft.wire.bgp import as_path
from weft.wire.bgp.attributes import NO_ADVERTISE, NO_EXPORT, NO_EXPORT_SUBCONFED, Attributes


class Target(Struct, frozen=True, kw_only=True):
    """The neighbour of one established session, as far as sending depends on it."""

    peer: Ip
    internal: bool
    client: bool
    as4: bool
    message_octets: int


def _external(attributes: Attributes, source: Source, bgp: Bgp) -> Attributes:
    """To another AS. The next hop stays: in EVPN it is the VTEP, whoever passes the route on (RFC 8365 section 5)."""
    return structs.replace(
        attributes,
        as_path=as_path.prepend(attributes.as_path, bgp.asn),
        # A MED is for the neighbouring AS only (RFC 4271 section 5.1.4).
        med=attributes.med if source.peer is None else None,
        local_pref=None,
        originator_id=None,
        cluster_list=(),
        ext_communities=tuple(one for one in attributes.ext_communities if one.transitive),
    )


def exported(attributes: Attributes, source: Source, target: Target, bgp: Bgp) -> Attributes | None:
    """The attributes to send to `target`; None if the route does not go there."""
    if source.peer == target.peer or NO_ADVERTISE in attributes.communities:
        return None
    if not target.internal:
        if NO_EXPORT in attributes.communities or NO_EXPORT_SUBCONFED in attributes.communities:
            return None
        return _external(attributes, source, bgp)
    if source.peer is None or not source.internal:
        local_pref = DEFAULT_LOCAL_PREF if attributes.local_pref is None else attributes.local_pref
        return structs.replace(attributes, local_pref=local_pref)
    return reflector.reflect(attributes, source, target.client, bgp)
