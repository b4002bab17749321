from __future__ import annotations

from support.configs import evpn_host
from support.frames import mac
from weft.control.evpn import originate
from weft.values import Ip, Rd, RouteTarget
from weft.wire.bgp import communities

VTEP = Ip.parse("192.0.2.1")


def test_route_distinguishers_can_be_read_and_do_not_move_when_networks_come() -> None:
    few = originate.distinguishers(evpn_host(networks="a: {vni: 10110}, b: {vni: 75646}"), VTEP)
    many = originate.distinguishers(evpn_host(networks="z: {vni: 9}, a: {vni: 10110}, b: {vni: 75646}"), VTEP)
    assert str(few[10110]) == "192.0.2.1:10110"
    assert str(few[75646]) == "192.0.2.1:10111"  # 75646 is 10110 + 65536: the next free number
    assert many.items() >= few.items()


def test_a_configured_route_distinguisher_is_kept_and_not_given_twice() -> None:
    config = evpn_host(networks='a: {vni: 100, rd: "192.0.2.1:200"}, b: {vni: 200}')
    chosen = originate.distinguishers(config, VTEP)
    assert chosen[100] == Rd.parse("192.0.2.1:200")
    assert chosen[200] == Rd.parse("192.0.2.1:201")


def test_a_type_3_route_names_the_vni_and_the_vtep_for_flooded_frames() -> None:
    (network, _) = evpn_host().networks
    nlri, attributes = originate.imet_route(network, Rd.of(VTEP, 1), VTEP)
    assert nlri.originator == attributes.next_hop == VTEP
    assert attributes.pmsi is not None
    assert (attributes.pmsi.tunnel_type, attributes.pmsi.label, attributes.pmsi.tunnel_id) == (6, 5001, VTEP.octets)
    assert communities.route_targets(attributes.ext_communities) == (RouteTarget.parse("65000:5001"),)
    assert communities.encapsulations(attributes.ext_communities) == (8,)


def test_mobility_is_announced_only_once_an_address_has_moved() -> None:
    (network, _) = evpn_host().networks
    first, moved = (originate.mac_route(network, Rd.of(VTEP, 1), VTEP, mac(7), sequence) for sequence in (0, 3))
    assert communities.mac_mobility(first[1].ext_communities) is None
    found = communities.mac_mobility(moved[1].ext_communities)
    assert found is not None
    assert found.sequence == 3
    assert first[0] == moved[0]
    assert first[0].label == 5001
