"""EVPN as translation: routes in, overlay facts out; local addresses in, routes out.

VTEP under test 192.0.2.1 ── networks red (5001), blue (5002)
remote VTEPs    192.0.2.2, 192.0.2.3
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.configs import evpn_host
from support.frames import mac
from weft.control.bgp import BestChange, Route, Source
from weft.control.evpn import Evpn, Ignored, Outcome
from weft.control.overlay import Overlay
from weft.forwarding.rows import Accept, FloodList, MacRow, NextHop
from weft.forwarding.snapshot import Snapshot
from weft.values import BROADCAST, Encap, Esi, Ip, Mac, Rd, RouteTarget
from weft.wire.bgp import communities
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.communities import ExtendedCommunity
from weft.wire.bgp.evpn import EvpnRoute, Imet, MacIp, Pmsi

OWN, NEAR, FAR = (Ip.parse(f"192.0.2.{number}") for number in (1, 2, 3))
RED, BLUE = 5001, 5002
HOST = mac(0x10)
VXLAN = ExtendedCommunity.of_encapsulation(8)


def start() -> tuple[Evpn, Overlay]:
    config = evpn_host()
    overlay = Overlay(OWN)
    return Evpn(config, OWN, overlay), overlay


def route(nlri: EvpnRoute, vtep: Ip, vni: int, *more: ExtendedCommunity, pmsi: Pmsi | None = None) -> Route:
    target = ExtendedCommunity.of_route_target(RouteTarget.parse(f"65000:{vni}"))
    source = Source(peer=Ip.parse("192.0.2.99"), router_id=vtep, internal=True, client=False)
    attributes = Attributes(next_hop=vtep, local_pref=100, ext_communities=(target, *(more or (VXLAN,))), pmsi=pmsi)
    return Route(key=nlri.key, nlri=nlri, octets=nlri.pack(), attributes=attributes, source=source)


def mac_route(vtep: Ip, address: Mac = HOST, vni: int = RED, *more: ExtendedCommunity, ip: Ip | None = None) -> Route:
    return route(MacIp(Rd.of(vtep, vni), Esi(), 0, address, ip, vni), vtep, vni, *more)


def imet(vtep: Ip, vni: int = RED) -> Route:
    return route(Imet(Rd.of(vtep, vni), 0, vtep), vtep, vni, pmsi=Pmsi.ingress_replication(vni, vtep))


def moved(sequence: int, sticky: bool = False) -> tuple[ExtendedCommunity, ...]:
    return (VXLAN, ExtendedCommunity.of_mac_mobility(sequence, sticky))


def best(*routes: Route) -> list[BestChange]:
    return [BestChange(route.key, route) for route in routes]


def gone(*routes: Route) -> list[BestChange]:
    return [BestChange(route.key, None) for route in routes]


def vtep_of(rows: Snapshot, address: Mac = HOST, bridge: int = RED) -> Ip | None:
    row = rows.table(MacRow).get((bridge, address))
    return rows.table(NextHop)[row.nexthop].targets[0].remote if row else None


def accepted(rows: Snapshot) -> set[tuple[Ip, int]]:
    return {(accept.remote, accept.bridge) for accept in rows.table(Accept).values()}


def test_every_network_is_announced_at_the_start() -> None:
    evpn, _ = start()
    assert [str(nlri.rd) for nlri, _ in evpn.start().announce if isinstance(nlri, Imet)] == [
        "192.0.2.1:5001",
        "192.0.2.1:5002",
    ]


def test_a_type_3_route_makes_a_flood_member_and_opens_the_tunnel_until_it_goes() -> None:
    evpn, overlay = start()
    evpn.routes_changed(best(imet(NEAR)))
    (flood,) = overlay.snapshot().table(FloodList).values()
    assert [member.target.remote for member in flood.members if member.target] == [NEAR]
    assert accepted(overlay.snapshot()) == {(NEAR, RED)}
    evpn.routes_changed(gone(imet(NEAR)))
    assert not overlay.snapshot().table(FloodList)
    assert accepted(overlay.snapshot()) == set()


def test_a_type_2_route_alone_opens_the_tunnel_too() -> None:
    evpn, overlay = start()
    evpn.routes_changed(best(mac_route(NEAR)))
    assert vtep_of(overlay.snapshot()) == NEAR
    assert accepted(overlay.snapshot()) == {(NEAR, RED)}
    evpn.routes_changed(best(imet(NEAR)))
    evpn.routes_changed(gone(mac_route(NEAR)))
    assert vtep_of(overlay.snapshot()) is None
    assert accepted(overlay.snapshot()) == {(NEAR, RED)}


def test_the_label_of_the_route_is_the_key_on_the_wire() -> None:
    """Downstream assignment: the receiver of frames chose the VNI (RFC 8365 section 5.1.3)."""
    evpn, overlay = start()
    other = mac_route(NEAR)
    nlri = other.nlri
    assert isinstance(nlri, MacIp)
    evpn.routes_changed(best(replace(other, nlri=replace(nlri, label=7777))))
    (hop,) = overlay.snapshot().table(NextHop).values()
    assert hop.targets[0].key == 7777


def test_routes_are_imported_by_route_target_never_by_vni() -> None:
    evpn, overlay = start()
    stranger = mac_route(NEAR, vni=9999)
    evpn.routes_changed(best(stranger))
    assert not list(overlay.snapshot().rows())
    assert evpn.imported_by(stranger.key) == ()
    evpn.routes_changed(best(mac_route(NEAR)))
    assert evpn.imported_by(mac_route(NEAR).key) == ("red",)


def test_an_address_lives_while_any_route_names_it() -> None:
    """FRR sends MAC and MAC+IP as two routes."""
    evpn, overlay = start()
    bare, with_ip = mac_route(NEAR), mac_route(NEAR, ip=Ip.parse("10.0.0.1"))
    evpn.routes_changed(best(bare, with_ip))
    evpn.routes_changed(gone(bare))
    assert vtep_of(overlay.snapshot()) == NEAR
    evpn.routes_changed(gone(with_ip))
    assert vtep_of(overlay.snapshot()) is None


def test_a_route_that_changes_its_next_hop_moves_everything_with_it() -> None:
    evpn, overlay = start()
    before = mac_route(NEAR)
    evpn.routes_changed(best(before))
    evpn.routes_changed(best(replace(before, attributes=replace(before.attributes, next_hop=FAR))))
    assert vtep_of(overlay.snapshot()) == FAR
    assert accepted(overlay.snapshot()) == {(FAR, RED)}


def test_a_moved_address_follows_the_higher_sequence_and_comes_back_when_it_goes() -> None:
    evpn, overlay = start()
    newer = mac_route(FAR, HOST, RED, *moved(1))
    evpn.routes_changed(best(mac_route(NEAR), newer))
    assert vtep_of(overlay.snapshot()) == FAR
    evpn.routes_changed(gone(newer))
    assert vtep_of(overlay.snapshot()) == NEAR


def test_a_local_address_is_announced_once_and_withdrawn_when_it_ages() -> None:
    evpn, _ = start()
    ((nlri, _),) = evpn.local_learned(RED, HOST).announce
    assert evpn.local_learned(RED, HOST).announce == []
    assert evpn.local_gone(RED, HOST).withdraw == [nlri.key]
    assert evpn.local_gone(RED, HOST).withdraw == []


def test_an_address_that_moves_here_is_taken_over_with_the_next_sequence() -> None:
    evpn, overlay = start()
    evpn.routes_changed(best(mac_route(NEAR, HOST, RED, *moved(4))))
    ((_, attributes),) = evpn.local_learned(RED, HOST).announce
    assert communities.mac_mobility(attributes.ext_communities) == communities.MacMobility(5, False)
    assert vtep_of(overlay.snapshot()) is None
    assert evpn.local_sequence(RED, HOST) == 5


def test_an_address_that_moves_away_is_withdrawn_forgotten_and_installed() -> None:
    evpn, overlay = start()
    ((nlri, _),) = evpn.local_learned(RED, HOST).announce
    outcome = evpn.routes_changed(best(mac_route(NEAR, HOST, RED, *moved(1))))
    assert outcome.withdraw == [nlri.key]
    assert outcome.forget == [(RED, HOST)]
    assert vtep_of(overlay.snapshot()) == NEAR


def test_an_older_claim_does_not_take_a_local_address() -> None:
    evpn, overlay = start()
    evpn.routes_changed(best(mac_route(NEAR, HOST, RED, *moved(4))))
    evpn.local_learned(RED, HOST)
    outcome = evpn.routes_changed(best(mac_route(FAR, HOST, RED, *moved(3))))
    assert (outcome.withdraw, outcome.forget) == ([], [])
    assert vtep_of(overlay.snapshot()) is None


def test_when_a_local_address_ages_the_remote_claim_is_believed_again() -> None:
    evpn, overlay = start()
    evpn.routes_changed(best(mac_route(NEAR)))
    evpn.local_learned(RED, HOST)
    evpn.local_gone(RED, HOST)
    assert vtep_of(overlay.snapshot()) == NEAR


def test_a_sticky_address_is_pinned_and_not_taken_over() -> None:
    evpn, overlay = start()
    evpn.routes_changed(best(mac_route(NEAR, HOST, RED, *moved(0, sticky=True))))
    assert overlay.snapshot().table(MacRow)[RED, HOST].pinned
    outcome = evpn.local_learned(RED, HOST)
    assert outcome.announce == []
    assert outcome.forget == [(RED, HOST)]


@pytest.mark.parametrize("vtep", [NEAR, Ip.parse("192.0.2.0")])
def test_the_largest_sequence_leaves_an_address_with_one_owner(vtep: Ip) -> None:
    """Nothing can be announced above it: of the two the lower VTEP address keeps it, and nothing breaks."""
    evpn, overlay = start()
    evpn.routes_changed(best(mac_route(vtep, HOST, RED, *moved(0xFFFFFFFF))))
    outcome = evpn.local_learned(RED, HOST)
    assert bool(outcome.announce) == (vtep == NEAR)
    assert outcome.forget == ([] if vtep == NEAR else [(RED, HOST)])
    assert vtep_of(overlay.snapshot()) == (None if vtep == NEAR else vtep)


def test_of_several_words_about_one_route_the_last_counts() -> None:
    evpn, _ = start()
    outcome = Outcome()
    outcome.add(evpn.local_learned(RED, HOST))
    outcome.add(evpn.local_learned(RED, mac(0x11)))
    outcome.add(evpn.local_gone(RED, HOST))
    assert [nlri.mac for nlri, _ in outcome.announce if isinstance(nlri, MacIp)] == [mac(0x11)]
    assert len(outcome.withdraw) == 1
    outcome.add(evpn.local_learned(RED, HOST))
    assert outcome.withdraw == []
    assert len(outcome.announce) == 2


BAD = {
    Ignored.ENCAP_NOT_SUPPORTED: mac_route(NEAR, HOST, RED, ExtendedCommunity.of_encapsulation(9)),
    Ignored.NEXT_HOP_VERSION: route(MacIp(Rd.of(NEAR, RED), Esi(), 0, HOST, None, RED), Ip.parse("2001:db8::1"), RED),
    Ignored.OWN_NEXT_HOP: mac_route(OWN),
    Ignored.NO_INGRESS_REPLICATION: route(Imet(Rd.of(NEAR, RED), 0, NEAR), NEAR, RED),
    Ignored.BAD_LABEL: route(MacIp(Rd.of(NEAR, RED), Esi(), 0, HOST, None, 0), NEAR, RED),
    Ignored.BAD_MAC: mac_route(NEAR, BROADCAST),
}


@pytest.mark.parametrize("reason", Ignored, ids=str)
def test_a_route_that_cannot_be_used_is_counted_by_name_and_changes_nothing(reason: Ignored) -> None:
    evpn, overlay = start()
    evpn.routes_changed(best(BAD[reason]))
    assert evpn.ignored == {reason: 1}
    assert not list(overlay.snapshot().rows())


def test_a_route_without_encapsulation_counts_as_the_configured_one() -> None:
    evpn, overlay = start()
    bare = mac_route(NEAR)
    evpn.routes_changed(
        best(replace(bare, attributes=replace(bare.attributes, ext_communities=bare.attributes.ext_communities[:1])))
    )
    assert vtep_of(overlay.snapshot()) == NEAR


VTEPS = st.sampled_from([NEAR, FAR])
MAC_ROUTES = st.builds(
    lambda vtep, address, vni, sequence, ip: mac_route(vtep, address, vni, *moved(sequence), ip=ip),
    VTEPS,
    st.sampled_from([HOST, mac(0x11)]),
    st.sampled_from([RED, BLUE, 9999]),
    st.integers(0, 3),
    st.sampled_from([None, Ip.parse("10.0.0.1")]),
)
ROUTES = MAC_ROUTES | st.builds(imet, VTEPS, st.sampled_from([RED, BLUE, 9999]))
CHANGES = st.builds(lambda r, there: BestChange(r.key, r if there else None), ROUTES, st.booleans())


def meaning(rows: Snapshot) -> object:
    return (
        {(key, vtep_of(rows, key[1], key[0]), row.sequence) for key, row in rows.table(MacRow).items()},
        set(rows.table(FloodList).values()),
        accepted(rows),
    )


@settings(max_examples=300)
@given(st.lists(CHANGES, max_size=30))
def test_changes_in_any_order_give_what_the_routes_that_remain_give(changes: list[BestChange]) -> None:
    """Resolving only what changed equals resolving everything anew."""
    evpn, overlay = start()
    remaining: dict[bytes, Route] = {}
    for change in changes:
        evpn.routes_changed([change])
        remaining.pop(change.key, None)
        if change.route is not None:
            remaining[change.key] = change.route
    fresh, oracle = start()
    fresh.routes_changed(best(*remaining.values()))
    assert meaning(overlay.snapshot()) == meaning(oracle.snapshot())
    assert {t.encap for t in overlay.snapshot().table(NextHop).values() for t in t.targets} <= {Encap.VXLAN}
