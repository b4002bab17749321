"""Fabric files: expansion, defaults, and the checks across nodes, links and networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from weft.config import load_fabric
from weft.config.tree import Control, FabricConfig, Group
from weft.values import Encap, Mac, Prefix

Faults = Callable[[str], list[str]]

HEAD = """\
version: 1
kind: fabric
name: lab
nodes:
  s1: {group: spine}
  l1: {group: leaf}
  l2: {group: leaf}
  a: {group: host, address: 10.0.0.1/24}
  b: {group: host, address: [10.0.0.2/24]}
tenants: {t: {networks: {n: {vni: 1}, m: {vni: 2}}}}
"""


def fabric(text: str) -> FabricConfig:
    return load_fabric(text, "f").config


def ends(config: FabricConfig) -> list[str]:
    return [f"{link.a_node}:{link.a_port} {link.b_node}:{link.b_port}" for link in config.links]


def test_the_demo_is_understood(example: Callable[[str], str]) -> None:
    demo = fabric(example("demo.weft.yaml"))
    assert (demo.name, demo.mtu, demo.encap, demo.control, demo.asn) == ("demo", 9216, Encap.VXLAN, Control.EVPN, 65000)
    assert demo.loopbacks == Prefix.parse("10.255.0.0/24")
    assert [node.name for node in demo.nodes if node.group is Group.LEAF] == ["leaf1", "leaf2", "leaf3"]
    assert demo.nodes[5].addresses == (Prefix.parse("10.1.10.11/24"), Prefix.parse("2001:db8:1:10::11/64"))
    assert ends(demo) == [
        "leaf1:spine1 spine1:leaf1",
        "leaf1:spine2 spine2:leaf1",
        "leaf2:spine1 spine1:leaf2",
        "leaf2:spine2 spine2:leaf2",
        "leaf3:spine1 spine1:leaf3",
        "leaf3:spine2 spine2:leaf3",
        "red-a:eth0 leaf1:swp1",
        "red-b:eth0 leaf2:swp1",
        "red-c:eth0 leaf3:swp1",
        "blue-a:eth0 leaf1:swp2",
        "blue-b:eth0 leaf3:swp2",
    ]
    assert [(n.tenant, n.name, n.vni) for n in demo.networks] == [
        ("red", "red-web", 10110),
        ("red", "red-db", 10120),
        ("blue", "blue", 10210),
    ]


def test_a_network_keeps_its_own_words_reserved_ones_too(example: Callable[[str], str]) -> None:
    settings = fabric(example("demo.weft.yaml")).networks[1].settings
    assert settings == {"vni": 10120, "gateway": ["10.1.20.1/24"]}


def test_defaults_are_those_of_the_demo() -> None:
    config = fabric(HEAD)
    assert (config.mtu, config.encap, config.control, config.asn) == (9216, Encap.VXLAN, Control.EVPN, 65000)
    assert config.loopbacks == Prefix.parse("10.255.0.0/24")
    assert config.links == ()


def test_overlay_defaults_and_a_networks_own_word() -> None:
    text = HEAD.replace("vni: 2", "vni: 2, control: evpn, mtu: 1400") + "defaults: {overlay: {control: static}}\n"
    n, m = fabric(text).networks
    assert (n.control, m.control, n.mtu, m.mtu) == (Control.STATIC, Control.EVPN, None, 1400)


def test_a_host_may_have_a_mac_of_its_own() -> None:
    text = HEAD.replace("a: {group: host,", 'a: {group: host, mac: "02:00:00:00:00:0a",')
    assert fabric(text).nodes[3].mac == Mac.parse("02:00:00:00:00:0a")


def test_a_network_may_state_hosts_as_a_host_file_does() -> None:
    hosts = [{"mac": "02:00:00:00:00:01", "remote": "10.255.0.11"}]
    text = HEAD.replace("vni: 2", 'vni: 2, hosts: [{mac: "02:00:00:00:00:01", remote: 10.255.0.11}]')
    assert fabric(text).networks[1].settings["hosts"] == hosts


def test_patterns_cannot_make_links_without_end(faults: Faults) -> None:
    nodes = "".join(f"  x{n}: {{group: leaf}}\n" for n in range(150))
    text = HEAD.replace("nodes:\n", "nodes:\n" + nodes) + 'links: [{endpoints: ["x*", "x*"]}]\n'
    assert any("more than 10000 links" in fault for fault in faults(text))


def test_a_pattern_of_one_group_joins_each_pair_once() -> None:
    assert ends(fabric(HEAD + 'links: [{endpoints: ["l*", "[ls]*"]}]\n')) == [
        "l1:s1 s1:l1",
        "l1:l2 l2:l1",
        "l2:s1 s1:l2",
    ]


@pytest.mark.parametrize(
    ("links", "fault"),
    [
        ("{endpoints: [l1, l9]}", "11:26 links[0].endpoints[1]: there is no node 'l9'"),
        ("{endpoints: ['x*', l1]}", "11:22 links[0].endpoints[0]: the pattern matches no node"),
        ("{endpoints: [l1, l1]}", "11:9 links[0]: l1 cannot be linked to itself"),
        ("{endpoints: [l1]}", "11:21 links[0].endpoints: too few items: 1"),
        (
            "{endpoints: ['l1:a/b', s1]}",
            "11:22 links[0].endpoints[0]: l1 would get a port 'a/b', which is no interface name",
        ),
        ("{endpoints: ['l1:', s1]}", "11:22 links[0].endpoints[0]: l1 would get a port '', which is no interface name"),
        ("{endpoints: ['l1:lo', s1]}", "11:22 links[0].endpoints[0]: l1 has the port lo already"),
        ("{endpoints: [l1, s1], network: n}", "11:40 links[0].network: only a link to a host takes a network"),
        ("{endpoints: [a, l1]}", "11:9 links[0]: the link of host a needs a network"),
        ("{endpoints: [a, l1], network: x}", "11:39 links[0].network: there is no network 'x'"),
        ("{endpoints: [a, s1], network: n}", "11:9 links[0]: a cannot be linked to s1"),
        ("{endpoints: [a, b], network: n}", "11:9 links[0]: a cannot be linked to b"),
        (
            "{endpoints: [l1, s1]}, {endpoints: ['l1:s1', 's1:x']}",
            "11:45 links[1].endpoints[0]: the port l1:s1 is already used by the link in line 11",
        ),
        (
            "{endpoints: [a, l1], network: n}, {endpoints: [a, l2], network: m}",
            "11:73 links[1].network: host a is already in network n",
        ),
    ],
)
def test_a_link_that_cannot_be_is_refused_at_its_place(links: str, fault: str, faults: Faults) -> None:
    assert fault in faults(HEAD + f"links: [{links}]\n")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("vni: 2", "vni: 1", "10:48 tenants.t.networks.m.vni: 1 is already the VNI of n"),
        (
            "m: {vni: 2}}}",
            "}}, u: {networks: {n: {vni: 2}}}",
            "10:61 tenants.u.networks.n: tenant t has a network of this name",
        ),
        ("vni: 2", "vni: 2, mtu: 9200", "10:56 tenants.t.networks.m.mtu: 9200 is above 9166"),
        ("l1: {group: leaf}", "l1: {group: leaf, address: 10.0.0.1}", "6:30 nodes.l1.address: only hosts take address"),
        ("l1: {group: leaf}", "l1: {group: leaf, kind: frr}", "6:27 nodes.l1.kind: frr is not built yet: weft is"),
        ("l1: {group: leaf}", "l1: {group: lief}", "6:15 nodes.l1.group: 'lief' is not one of spine, leaf, host"),
        ("name: lab", "name: lab\ndefaults: {loopbacks: 10.0.0.0/28}", "no fault"),
        (
            "name: lab",
            "name: lab\ndefaults: {loopbacks: 10.0.0.0/29}",
            "4:23 defaults.loopbacks: 10.0.0.0/29 is too small: 1 spines and 2 leaves go up to address .12",
        ),
        (
            "name: lab",
            "name: lab\ndefaults: {loopbacks: 2001:db8::/64}",
            "4:23 defaults.loopbacks: an IPv6 underlay (2001:db8::/64) is not built yet: IPv4 is",
        ),
        (
            "name: lab",
            "name: lab\ndefaults: {bgp: {asn: 70000}}",
            "no fault",
        ),
        ("vni: 2", "vni: 2, ports: []", "10:51 tenants.t.networks.m.ports: unknown key"),
    ],
)
def test_what_does_not_go_together_is_refused(old: str, new: str, fault: str, faults: Faults) -> None:
    text = HEAD.replace(old, new)
    if fault == "no fault":
        assert fabric(text).name == "lab"
    else:
        (found,) = faults(text)
        assert found.startswith(fault)


def test_a_four_octet_as_needs_route_targets_for_large_vnis(faults: Faults) -> None:
    text = HEAD.replace("vni: 2", "vni: 70000") + "defaults: {bgp: {asn: 70000}}\n"
    (fault,) = faults(text)
    assert fault.startswith("10:48 tenants.t.networks.m.vni: AS 70000 needs four octets")


def test_a_tenants_hosts_do_not_share_an_address_but_two_tenants_may(faults: Faults) -> None:
    same = HEAD.replace("10.0.0.2/24", "10.0.0.1/24")
    one = "links: [{endpoints: [a, l1], network: n}, {endpoints: [b, l2], network: m}]\n"
    assert faults(same + one) == ["9:30 nodes.b.address[0]: 10.0.0.1 is already the address of a in tenant t"]
    two = same.replace(", m: {vni: 2}}}", "}}, u: {networks: {m: {vni: 2}}}")
    assert len(fabric(two + one).networks) == 2


def test_eleven_spines_would_run_into_the_leaves(faults: Faults) -> None:
    nodes = "".join(f"  x{n}: {{group: spine}}\n" for n in range(10))
    assert faults(HEAD.replace("nodes:\n", "nodes:\n" + nodes)) == ["5:3 nodes: 11 spines: there is room for 10"]


def test_a_host_file_is_not_a_fabric(faults: Faults) -> None:
    with pytest.raises(Exception, match="this is a host file"):
        load_fabric("kind: host\n", "f")
