"""Configurations, routes and the peer's side of a session, for tests of the BGP speaker's parts."""

from collections.abc import Callable

import pytest

from weft.config.tree import Bgp, Neighbor
from weft.control.bgp.route import Route, Source
from weft.control.bgp.session import Session
from weft.values import Asn, Esi, Ip, Mac, Rd
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.capabilities import EVPN, Capabilities
from weft.wire.bgp.evpn import MacIp
from weft.wire.bgp.open import Open


def _neighbor(peer: str = "192.0.2.2", **changes: object) -> Neighbor:
    fields = {
        "peer": Ip.parse(peer),
        "remote_asn": Asn(65000),
        "local_address": None,
        "passive": False,
        "route_reflector_client": False,
        "hold_time_s": 90,
        "connect_retry_s": 8.0,
        "port": 179,
        "description": "",
    }
    return Neighbor(**{**fields, **changes})


@pytest.fixture
def neighbor() -> Callable[..., Neighbor]:
    """A neighbour of AS 65000 at 192.0.2.2, with changes."""
    return _neighbor


@pytest.fixture
def bgp() -> Bgp:
    """A speaker 192.0.2.1 of AS 65000 with two neighbours: 192.0.2.2, and 192.0.2.3 as a client."""
    return Bgp(
        asn=Asn(65000),
        router_id=Ip.parse("192.0.2.1"),
        cluster_id=Ip.parse("192.0.2.1"),
        port=179,
        listen=True,
        hold_time_s=90,
        neighbors=(_neighbor(), _neighbor("192.0.2.3", route_reflector_client=True)),
    )


@pytest.fixture
def session(bgp: Bgp) -> Callable[..., Session]:
    """A new session with a neighbour; jitter always in the middle."""
    return lambda **changes: Session(bgp, _neighbor(**changes), lambda: 0.5)


@pytest.fixture
def peer_open() -> Callable[..., Open]:
    """The OPEN of a proper peer, with changes."""

    def make(**changes: object) -> Open:
        asn = changes.get("asn", 65000)
        offered = Capabilities(families=(EVPN,), asn=asn, route_refresh=True)
        fields = {
            "asn": asn,
            "hold_time_s": 30,
            "router_id": Ip.parse("192.0.2.2"),
            "capabilities": offered,
        }
        return Open(**{**fields, **changes})

    return make


@pytest.fixture
def source() -> Callable[..., Source]:
    """Where routes of a neighbour come from: an internal non-client unless changed."""

    def make(peer: str | None = "192.0.2.2", **changes: object) -> Source:
        address = Ip.parse(peer) if peer is not None else None
        fields = {"peer": address, "router_id": address or Ip.parse("192.0.2.1"), "internal": True, "client": False}
        return Source(**{**fields, **changes})

    return make


@pytest.fixture
def route(source: Callable[..., Source]) -> Callable[..., Route]:
    """A type 2 route; `number` makes the key, `of` is its source, what else is given are attributes."""

    def make(number: int = 1, of: Source | None = None, excluded: object = None, **changes: object) -> Route:
        nlri = MacIp(
            rd=Rd.parse("192.0.2.9:1"), esi=Esi(), tag=0, mac=Mac(number.to_bytes(6, "big")), ip=None, label=100
        )
        attributes = Attributes(**{"next_hop": Ip.parse("192.0.2.9"), **changes})
        return Route(
            key=nlri.key,
            nlri=nlri,
            octets=nlri.pack(),
            attributes=attributes,
            source=of or source(),
            excluded=excluded,
        )

    return make
