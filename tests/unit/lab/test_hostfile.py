"""The agents' files: what is in them, and that the agent's own reader takes them."""

from __future__ import annotations

import pytest
import yaml

from weft.config import load_host
from weft.config.tree import Control, Encap, FabricConfig, HostConfig
from weft.lab.hostfile import to_yaml
from weft.lab.plan import plan
from weft.values import Ip


def load(fabric: FabricConfig, node: str) -> HostConfig:
    host_file = plan(fabric).node(node).host_file
    assert host_file is not None
    loaded = load_host(to_yaml(host_file), f"{node}.weft.yaml")
    assert loaded.notices == ()
    return loaded.config


def test_a_spine_reflects_for_all_leaves_and_is_no_vtep(demo: FabricConfig) -> None:
    spine = load(demo, "spine2")
    assert spine.vtep is None
    assert spine.tenants == ()
    assert spine.bgp is not None
    assert spine.bgp.router_id == Ip.parse("10.255.0.2")
    assert [str(neighbor.peer) for neighbor in spine.bgp.neighbors] == ["10.255.0.11", "10.255.0.12", "10.255.0.13"]
    assert all(neighbor.route_reflector_client for neighbor in spine.bgp.neighbors)


def test_a_leaf_peers_with_all_spines_inside_one_as(demo: FabricConfig) -> None:
    bgp = load(demo, "leaf1").bgp
    assert bgp is not None
    assert [str(neighbor.peer) for neighbor in bgp.neighbors] == ["10.255.0.1", "10.255.0.2"]
    assert {neighbor.remote_asn for neighbor in bgp.neighbors} == {bgp.asn} == {65000}
    assert {str(neighbor.local_address) for neighbor in bgp.neighbors} == {"10.255.0.11"}
    assert not any(neighbor.route_reflector_client for neighbor in bgp.neighbors)


def test_a_leaf_is_a_vtep_with_the_networks_that_it_has_ports_in(demo: FabricConfig) -> None:
    leaf = load(demo, "leaf3")
    assert leaf.vtep is not None
    assert (leaf.vtep.dataplane, leaf.vtep.control) == ("ebpf", Control.EVPN)
    assert {network.name: (network.tenant, network.vni) for network in leaf.networks} == {
        "red-db": ("red", 10120),
        "blue": ("blue", 10210),
    }
    ports = {network.name: [port.name for port in network.ports] for network in leaf.networks}
    assert ports == {"red-db": ["swp1"], "blue": ["swp2"]}


def test_tunnels_are_expected_on_the_cables_to_spines_only(demo: FabricConfig) -> None:
    underlay = load(demo, "leaf1").underlay
    assert underlay.interfaces == ("spine1", "spine2")
    assert [str(address) for address in underlay.addresses] == ["10.255.0.11"]
    assert underlay.mtu == 9216


def test_static_fabrics_name_the_other_leaves_with_ports_in_the_network_and_have_no_bgp(
    static: FabricConfig,
) -> None:
    leaf = load(static, "l1")
    assert leaf.bgp is None
    (web,) = leaf.networks
    assert [(str(remote.address), remote.encap) for remote in web.remotes] == [("192.0.2.12", Encap.VXLAN)]


def test_a_spine_with_nothing_to_reflect_has_no_agent(static: FabricConfig) -> None:
    assert plan(static).node("s1").host_file is None


def test_a_networks_own_keys_are_passed_on(static: FabricConfig) -> None:
    (web,) = load(static, "l1").networks
    assert (web.learn, web.ageing_s) == (False, 60.0)
    (db,) = load(static, "l3").networks
    assert (db.mtu, db.remotes) == (1300, ())


@pytest.mark.parametrize("text", ["02:00:00:00:00:10", "65000:50", "2001:db8::1"])
def test_what_yaml_1_1_takes_for_a_number_is_quoted(text: str) -> None:
    written = to_yaml({"key": text})
    assert f'"{text}"' in written
    assert yaml.safe_load(written) == {"key": text}
