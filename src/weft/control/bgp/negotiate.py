"""What two OPENs settle, and what is not acceptable in the peer's (RFC 4271 section 6.2, RFC 6286, RFC 5492)."""

from __future__ import annotations

from msgspec import Struct

from weft.config.tree import Bgp, Neighbor
from weft.values import AS_TRANS, Ip
from weft.wire.bgp import framing
from weft.wire.bgp import open as opens
from weft.wire.bgp.capabilities import EVPN, Capabilities
from weft.wire.bgp.errors import BgpError, Code
from weft.wire.bgp.open import Open

_LEAST_HOLD_TIME_S = 3


class Negotiated(Struct, frozen=True, kw_only=True):
    """What holds for one session once both OPENs are known."""

    remote_asn: int
    router_id: Ip
    internal: bool
    hold_time_s: int
    """0: neither hold timer nor keepalives."""
    as4: bool
    message_octets: int
    """The largest message the peer takes."""


def local_open(bgp: Bgp, neighbor: Neighbor) -> Open:
    """The OPEN that we send."""
    offered = Capabilities(
        families=(EVPN,),
        asn=bgp.asn,
        route_refresh=True,
        extended_message=True,
        # Restart time 0 and no families: nothing of ours survives a restart (RFC 4724 section 3). It is offered
        # because some speakers, FRR among them, send End-of-RIB only to who offers it.
        graceful_restart=bytes(2),
    )
    return Open(asn=bgp.asn, hold_time_s=neighbor.hold_time_s, router_id=bgp.router_id, capabilities=offered)


def _check_asn(received: Open, bgp: Bgp, neighbor: Neighbor) -> None:
    asn, expected = received.asn, neighbor.remote_asn
    acceptable = asn != bgp.asn if expected is None else asn == expected
    # AS 0 (RFC 7607) and AS_TRANS (RFC 6793 section 9) are nobody's number.
    if not acceptable or asn in (0, AS_TRANS):
        due = f"AS {expected}" if expected is not None else f"any but AS {bgp.asn}"
        raise BgpError(Code.OPEN, opens.BAD_PEER_AS, f"the peer is AS {asn}, configured is {due}")


def negotiate(received: Open, bgp: Bgp, neighbor: Neighbor) -> Negotiated:
    """Judge the peer's OPEN. Raises BgpError with code 2."""
    _check_asn(received, bgp, neighbor)
    internal = received.asn == bgp.asn
    # RFC 6286 section 2.1: unique within the AS, and not 0.
    if not any(received.router_id.octets) or (internal and received.router_id == bgp.router_id):
        raise BgpError(
            Code.OPEN, opens.BAD_IDENTIFIER, f"the peer's BGP identifier {received.router_id} is not acceptable"
        )
    if 0 < received.hold_time_s < _LEAST_HOLD_TIME_S:
        raise BgpError(Code.OPEN, opens.BAD_HOLD_TIME, f"the peer's hold time of {received.hold_time_s} s is too short")
    if EVPN not in received.capabilities.families:
        # The data names the capability that is missing (RFC 5492 section 5).
        wanted = Capabilities(families=(EVPN,)).pack()
        raise BgpError(Code.OPEN, opens.BAD_CAPABILITY, "the peer does not offer EVPN (AFI 25, SAFI 70)", wanted)
    extended = received.capabilities.extended_message
    return Negotiated(
        remote_asn=received.asn,
        router_id=received.router_id,
        internal=internal,
        hold_time_s=min(neighbor.hold_time_s, received.hold_time_s),
        as4=received.capabilities.asn is not None,
        message_octets=framing.EXTENDED_OCTETS if extended else framing.MESSAGE_OCTETS,
    )
