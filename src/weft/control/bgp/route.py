"""A route in the RIB, and where it came from."""

from __future__ import annotations

from msgspec import Struct

from weft.control.bgp.reasons import Reason
from weft.values import Ip
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.evpn import EvpnRoute


class Source(Struct, frozen=True, kw_only=True, gc=False):
    """Where routes come from: one established session, or ourselves (`peer` is None)."""

    peer: Ip | None
    router_id: Ip
    internal: bool
    client: bool
    """A route reflector client of ours (RFC 4456)."""


class Route(Struct, frozen=True, kw_only=True, gc=False):
    """One route of one source."""

    key: bytes
    """What names the route among all: equal keys compete for best."""
    nlri: EvpnRoute
    octets: bytes
    """The NLRI as it came, or as it is to be sent."""
    attributes: Attributes
    source: Source
    excluded: Reason | None = None
    """Why it may not become best; None: it may."""

    @property
    def peer(self) -> Ip | None:
        """The neighbour it was learned from; None for a route of our own."""
        return self.source.peer


class BestChange(Struct, frozen=True, gc=False):
    """The best route of a key is now this one, or none."""

    key: bytes
    route: Route | None
