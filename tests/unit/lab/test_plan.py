"""What a fabric file becomes before anything is built."""

from __future__ import annotations

import msgspec
import pytest

from weft.config.tree import FabricConfig, Group, Link
from weft.host.links import link_local
from weft.lab.plan import LabPlan, derived_mac, pairs, plan
from weft.values import Encap, InvalidValue, Mac


def hops(lab: LabPlan, node: str) -> dict[str, set[str]]:
    """loopback -> the ports that lead there."""
    return {str(route.prefix.ip): {hop.port for hop in route.hops} for route in lab.node(node).routes}


def test_spines_and_leaves_get_their_loopbacks_in_file_order(demo: FabricConfig) -> None:
    lab = plan(demo)
    assert {node.name: str(node.loopback) for node in lab.of(Group.SPINE, Group.LEAF)} == {
        "spine1": "10.255.0.1",
        "spine2": "10.255.0.2",
        "leaf1": "10.255.0.11",
        "leaf2": "10.255.0.12",
        "leaf3": "10.255.0.13",
    }


def test_namespaces_carry_the_names_of_lab_and_node(demo: FabricConfig) -> None:
    assert plan(demo).node("red-a").namespace == "weft-demo-red-a"


def test_leaves_reach_each_other_by_all_spines_and_spines_by_all_leaves(demo: FabricConfig) -> None:
    lab = plan(demo)
    both = {"spine1", "spine2"}
    assert hops(lab, "leaf1") == {
        "10.255.0.1": {"spine1"},
        "10.255.0.2": {"spine2"},
        "10.255.0.12": both,
        "10.255.0.13": both,
    }
    assert hops(lab, "spine1")["10.255.0.2"] == {"leaf1", "leaf2", "leaf3"}


def test_only_shortest_paths_are_used(demo: FabricConfig) -> None:
    direct = Link(a_node="leaf1", a_port="x", b_node="leaf2", b_port="x", network=None)
    lab = plan(msgspec.structs.replace(demo, links=(*demo.links, direct)))
    assert hops(lab, "leaf1")["10.255.0.12"] == {"x"}
    assert hops(lab, "leaf1")["10.255.0.13"] == {"spine1", "spine2"}


def test_next_hops_are_the_link_local_addresses_of_the_far_ends(demo: FabricConfig) -> None:
    lab = plan(demo)
    macs = {(end.namespace, end.port): end.mac for cable in lab.cables for end in (cable.a, cable.b)}
    for route in lab.node("leaf1").routes:
        for hop in route.hops:
            assert hop.address == link_local(macs[(f"weft-demo-{hop.port}", "leaf1")])


def test_a_node_without_a_path_is_refused(demo: FabricConfig) -> None:
    links = tuple(link for link in demo.links if link.network is not None)
    with pytest.raises(InvalidValue, match="there is no path from"):
        plan(msgspec.structs.replace(demo, links=links))


def test_every_port_has_a_mac_of_its_own_that_is_the_same_every_time(demo: FabricConfig) -> None:
    macs = [end.mac for cable in plan(demo).cables for end in (cable.a, cable.b)]
    assert len(set(macs)) == len(macs) == 22
    assert macs == [end.mac for cable in plan(demo).cables for end in (cable.a, cable.b)]
    assert all(mac.octets[0] == 2 for mac in macs)


def test_labs_do_not_share_macs(demo: FabricConfig) -> None:
    other = msgspec.structs.replace(demo, name="other")
    mine, theirs = ({end.mac for cable in plan(lab).cables for end in (cable.a, cable.b)} for lab in (demo, other))
    assert not mine & theirs


def test_a_stated_mac_is_the_hosts(static: FabricConfig) -> None:
    ends = {end.namespace: end for cable in plan(static).cables for end in (cable.a, cable.b)}
    assert ends["weft-st-h1"].mac == Mac.parse("02:00:00:00:00:10")
    assert ends["weft-st-h2"].mac == derived_mac("st", "h2")


def test_hosts_get_the_mtu_that_the_encapsulation_leaves_and_leaf_ports_the_underlays(demo: FabricConfig) -> None:
    for cable in plan(demo).cables:
        if cable.network is not None:
            assert {end.port: end.mtu for end in (cable.a, cable.b)} in (
                {"eth0": 9166, "swp1": 9216},
                {"eth0": 9166, "swp2": 9216},
            )


def test_a_networks_own_encapsulation_and_mtu_decide_for_its_hosts(static: FabricConfig) -> None:
    mtus = {end.namespace: end.mtu for cable in plan(static).cables for end in (cable.a, cable.b)}
    assert (mtus["weft-st-h1"], mtus["weft-st-h3"]) == (1450, 1300)


@pytest.mark.parametrize(("encap", "mtu"), [(Encap.NVGRE, 1458), (Encap.GENEVE, 1450), (Encap.STT, 1428)])
def test_each_encapsulation_takes_its_own_overhead(static: FabricConfig, encap: Encap, mtu: int) -> None:
    web, db = static.networks
    fabric = msgspec.structs.replace(static, networks=(msgspec.structs.replace(web, encap=encap), db))
    assert {end.mtu for cable in plan(fabric).cables for end in (cable.a, cable.b)} == {mtu, 1300, 1500}


def test_hosts_have_a_default_route_by_each_gateway_of_their_network(demo: FabricConfig) -> None:
    lab = plan(demo)
    routes = [(str(route.prefix), str(route.hops[0].address)) for route in lab.node("red-a").routes]
    assert routes == [("0.0.0.0/0", "10.1.10.1"), ("::/0", "2001:db8:1:10::1")]


def test_a_gateway_outside_the_hosts_subnets_makes_no_route(demo: FabricConfig) -> None:
    nodes = tuple(msgspec.structs.replace(node, addresses=()) for node in demo.nodes)
    assert plan(msgspec.structs.replace(demo, nodes=nodes)).node("red-a").routes == ()


def test_leaves_speak_no_ipv6_towards_hosts(demo: FabricConfig) -> None:
    lab = plan(demo)
    assert lab.node("leaf1").tenant_ports == ("swp1", "swp2")
    assert lab.node("spine1").tenant_ports == ()


def test_only_routers_forward(demo: FabricConfig) -> None:
    lab = plan(demo)
    assert lab.node("leaf1").sysctls["net/ipv4/ip_forward"] == "1"
    assert "net/ipv4/ip_forward" not in lab.node("red-a").sysctls


def test_pairs_are_all_ordered_pairs_and_only_a_shared_network_joins(demo: FabricConfig) -> None:
    found = pairs(plan(demo))
    assert len(found) == 20
    assert {(pair.source.name, pair.destination.name) for pair in found if pair.reach} == {
        ("red-a", "red-b"),
        ("red-b", "red-a"),
        ("blue-a", "blue-b"),
        ("blue-b", "blue-a"),
    }


def test_foreign_spines_and_leaves_are_refused(demo: FabricConfig) -> None:
    foreign = msgspec.structs.replace(demo.nodes[0], kind="frr")
    with pytest.raises(InvalidValue, match=r"nodes.spine1.kind: .* not frr"):
        plan(msgspec.structs.replace(demo, nodes=(foreign, *demo.nodes[1:])))


def test_an_unknown_node_is_refused_with_the_known_ones(demo: FabricConfig) -> None:
    with pytest.raises(InvalidValue, match="no node 'leaf9'; it has spine1, spine2"):
        plan(demo).node("leaf9")
