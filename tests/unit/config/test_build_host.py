"""Host files: defaults that are worked out, and the checks across objects."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from weft.config import load_host
from weft.config.tree import Control, HostConfig, Remote
from weft.values import Encap, Ip, Mac, Prefix, Rd, RouteTarget

Faults = Callable[[str], list[str]]

HEAD = """\
version: 1
kind: host
name: h1
underlay: {interfaces: [eth0], address: 192.0.2.1, mtu: 1600}
"""
EVPN = HEAD + "bgp: {asn: 65001, neighbors: [{peer: 192.0.2.9, remote-as: internal}]}\n"
BIG_AS = HEAD + "bgp: {asn: 70000}\n"


def host(text: str) -> HostConfig:
    return load_host(text, "f").config


def network(settings: str, head: str = HEAD) -> str:
    return head + f"tenants: {{t: {{networks: {{n: {settings}}}}}}}\n"


def test_a_static_host_has_every_default_filled_in() -> None:
    config = host(network("{vni: 7, ports: [{name: p1}]}"))
    (net,) = config.networks
    assert config.vtep is not None
    assert (config.vtep.dataplane, config.vtep.encap, config.vtep.control) == ("ebpf", Encap.VXLAN, Control.STATIC)
    assert (config.vtep.udp_port, config.vtep.strict) == (4789, False)
    assert (net.tenant, net.vni, net.encap, net.control) == ("t", 7, Encap.VXLAN, Control.STATIC)
    assert (net.mtu, net.learn, net.ageing_s, net.rd) == (None, True, 300.0, None)
    assert (net.remotes, net.hosts, net.import_targets, net.export_targets) == ((), (), (), ())
    assert [port.name for port in net.ports] == ["p1"]
    assert config.bgp is None
    assert config.agent.keep_on_exit


def test_the_underlay_takes_one_address_or_a_list_and_masks_allowed_sources() -> None:
    config = host(
        "{version: 1, kind: host, name: h, vtep: {}, underlay: {interfaces: eth0, address: [192.0.2.1, 192.0.2.2], "
        "allowed-sources: 198.51.100.7/24}}"
    )
    assert config.underlay.interfaces == ("eth0",)
    assert config.underlay.addresses == (Ip.parse("192.0.2.1"), Ip.parse("192.0.2.2"))
    assert config.underlay.mtu is None
    assert config.underlay.allowed_sources == (Prefix.parse("198.51.100.0/24"),)


def test_with_bgp_networks_are_evpn_and_their_route_targets_are_as_and_vni() -> None:
    (net,) = host(network("{vni: 10110}", EVPN)).networks
    assert net.control is Control.EVPN
    assert net.import_targets == net.export_targets == (RouteTarget.parse("65001:10110"),)


def test_one_stated_side_of_route_targets_leaves_the_other_derived() -> None:
    (net,) = host(network('{vni: 5, rd: 192.0.2.1:5, route-targets: {import: [65001:1, "65001:2"]}}', EVPN)).networks
    assert net.import_targets == (RouteTarget.parse("65001:1"), RouteTarget.parse("65001:2"))
    assert net.export_targets == (RouteTarget.parse("65001:5"),)
    assert net.rd == Rd.parse("192.0.2.1:5")


def test_a_network_can_be_static_beside_evpn() -> None:
    (net,) = host(network("{vni: 5, control: static}", EVPN)).networks
    assert (net.control, net.import_targets) == (Control.STATIC, ())


def test_bgp_defaults() -> None:
    bgp = host(EVPN).bgp
    assert bgp is not None
    own = Ip.parse("192.0.2.1")
    assert (bgp.router_id, bgp.cluster_id, bgp.port, bgp.listen, bgp.hold_time_s) == (own, own, 179, True, 90)
    (neighbor,) = bgp.neighbors
    assert (neighbor.remote_asn, neighbor.hold_time_s, neighbor.connect_retry_s) == (65001, 90, 5.0)
    assert (neighbor.port, neighbor.passive, neighbor.local_address, neighbor.description) == (179, False, None, "")


def test_bgp_settings_reach_the_tree() -> None:
    text = HEAD + (
        "bgp: {asn: 4200000000, router-id: 192.0.2.7, cluster-id: 0.0.0.9, hold-time: 30, port: 1790,\n"
        "  listen: false,\n"
        "  neighbors: [{peer: 2001:db8::1, remote-as: external, local-address: 2001:db8::2, passive: true,\n"
        "    port: 1791, hold-time: 0, connect-retry: 0.5, description: rack 3},\n"
        "    {peer: 192.0.2.2, remote-as: 4200000000, route-reflector-client: true}]}\n"
    )
    bgp = host(text).bgp
    assert bgp is not None
    external, client = bgp.neighbors
    assert (str(bgp.router_id), str(bgp.cluster_id), bgp.port, bgp.listen) == ("192.0.2.7", "0.0.0.9", 1790, False)
    assert (external.remote_asn, external.passive, external.hold_time_s) == (None, True, 0)
    assert (external.connect_retry_s, external.port, external.description) == (0.5, 1791, "rack 3")
    assert (client.route_reflector_client, client.hold_time_s) == (True, 30)


def test_a_file_with_bgp_only_is_a_route_reflector() -> None:
    config = host(EVPN)
    assert config.vtep is None
    assert config.networks == ()


def test_remotes_of_the_vtep_are_defaults_for_networks() -> None:
    text = HEAD + (
        "vtep: {remotes: [192.0.2.2]}\n"
        "tenants: {t: {networks: {a: {vni: 1}, b: {vni: 2, remotes: []},\n"
        "  c: {vni: 3, remotes: [{address: 192.0.2.3, key: 9, encap: vxlan}]}}}}\n"
    )
    a, b, c = host(text).networks
    assert a.remotes == (Remote(address=Ip.parse("192.0.2.2"), encap=Encap.VXLAN, key=1),)
    assert b.remotes == ()
    assert c.remotes == (Remote(address=Ip.parse("192.0.2.3"), encap=Encap.VXLAN, key=9),)


def test_pinned_hosts_reach_the_tree(example: Callable[[str], str]) -> None:
    config = host(example("static.weft.yaml"))
    pinned = config.networks[2]
    assert not pinned.learn
    assert [host.mac for host in pinned.hosts] == [Mac.parse("02:00:00:00:06:02"), Mac.parse("02:00:00:00:06:03")]
    assert [str(host.ip) for host in pinned.hosts] == ["10.6.0.2", "10.6.0.3"]
    assert config.networks[0].remotes[0].address == Ip.parse("192.0.2.2")
    assert config.networks[1].remotes[1].key == 6002


def test_agent_settings_and_strict_mode() -> None:
    config = host(
        HEAD
        + "agent: {socket: /s, state-dir: /d, on-exit: remove}\n"
        + "vtep: {strict: true, dataplane: fake, udp-ports: {vxlan: 8472}}\n"
    )
    assert (config.agent.socket, config.agent.state_dir, config.agent.keep_on_exit) == ("/s", "/d", False)
    assert config.vtep is not None
    assert (config.vtep.strict, config.vtep.dataplane, config.vtep.udp_port) == (True, "fake", 8472)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (HEAD, "1:1 : neither vtep, bgp nor tenants: there is nothing to do"),
        (HEAD + "vtep: {control: evpn}\n", "5:17 vtep.control: control: evpn needs a bgp section"),
        (
            network("{vni: 1, control: evpn}"),
            "5:47 tenants.t.networks.n.control: control: evpn needs a bgp section",
        ),
        (
            network("{vni: 1, mtu: 1551}"),
            "5:43 tenants.t.networks.n.mtu: 1551 is above 1550, what an underlay MTU of 1600 leaves for VXLAN",
        ),
        (
            network("{vni: 1, remotes: [192.0.2.1]}"),
            "5:48 tenants.t.networks.n.remotes[0]: 192.0.2.1 is this host's own address",
        ),
        (
            network("{vni: 1, remotes: [192.0.2.2, 192.0.2.2]}"),
            "5:59 tenants.t.networks.n.remotes[1]: the remote 192.0.2.2 is here twice",
        ),
        (
            network("{vni: 65536}", BIG_AS),
            "6:35 tenants.t.networks.n.vni: AS 70000 needs four octets, which leaves two for the VNI in a route "
            "target: 65536 is above 65535",
        ),
        (
            network("{vni: 1, ports: [{name: eth0}]}"),
            "5:53 tenants.t.networks.n.ports[0].name: eth0 is already a port of the underlay",
        ),
        (
            network("{vni: 1, ports: [{name: p}, {name: p}]}"),
            "5:64 tenants.t.networks.n.ports[1].name: p is already a port of n",
        ),
        (
            network('{vni: 1, hosts: [{mac: "02:00:00:00:00:01", remote: 192.0.2.5}]}'),
            "5:81 tenants.t.networks.n.hosts[0].remote: 192.0.2.5 is not a remote of this network",
        ),
        (
            HEAD + "tenants:\n t:\n  networks:\n   n:\n    vni: 1\n    remotes: [192.0.2.2]\n    hosts:\n"
            "    - {mac: '02:00:00:00:00:01', remote: 192.0.2.2}\n"
            "    - {mac: '02:00:00:00:00:01', remote: 192.0.2.2}\n",
            "13:13 tenants.t.networks.n.hosts[1].mac: 02:00:00:00:00:01 is here twice",
        ),
        (
            HEAD + "bgp: {asn: 1, neighbors: [{peer: 192.0.2.1, remote-as: 2}]}\n",
            "5:34 bgp.neighbors[0].peer: 192.0.2.1 is this host's own address",
        ),
        (
            HEAD + "bgp:\n  asn: 1\n  neighbors:\n" + "  - {peer: 192.0.2.2, remote-as: 2}\n" * 2,
            "9:12 bgp.neighbors[1].peer: 192.0.2.2 is already a neighbour in line 8",
        ),
        (
            HEAD + "bgp: {asn: 1, neighbors: [{peer: 192.0.2.2, remote-as: 2, route-reflector-client: true}]}\n",
            "5:83 bgp.neighbors[0].route-reflector-client: only an internal neighbour can be a client",
        ),
        (
            HEAD + "bgp: {asn: 1, neighbors: [{peer: 192.0.2.2, remote-as: 2, local-address: 2001:db8::1}]}\n",
            "5:74 bgp.neighbors[0].local-address: not of the address family of peer 192.0.2.2",
        ),
        (
            "{version: 1, kind: host, name: h, vtep: {}, underlay: {address: 192.0.2.1}}",
            "1:55 underlay: a VTEP needs interfaces",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_at_its_place(text: str, fault: str, faults: Faults) -> None:
    assert faults(text) == [fault]


def test_networks_share_neither_vni_nor_name_nor_port_nor_key(faults: Faults) -> None:
    text = HEAD + (
        "tenants:\n"
        "  t:\n"
        "    networks:\n"
        "      a: {vni: 1, ports: [{name: p}], remotes: [{address: 192.0.2.2, key: 2}]}\n"
        "      b: {vni: 2, ports: [{name: p}], remotes: [192.0.2.2]}\n"
        "      c: {vni: 1}\n"
        "  u:\n"
        "    networks:\n"
        "      a: {vni: 3}\n"
    )
    assert faults(text) == [
        "9:16 tenants.t.networks.b.vni: 2 is already a remote's key of a",
        "9:34 tenants.t.networks.b.ports[0].name: p is already a port of a",
        "10:16 tenants.t.networks.c.vni: 1 is already the VNI of a",
        "13:10 tenants.u.networks.a: tenant t has a network of this name",
    ]


def test_a_key_leads_to_one_network_whichever_remote_sends_it(faults: Faults) -> None:
    """The allowed sources have no remote of their own: VNI 200 from one of them would enter the wrong network."""
    text = HEAD + (
        "tenants:\n"
        "  t:\n"
        "    networks:\n"
        "      blue: {vni: 200, remotes: [192.0.2.8]}\n"
        "      red: {vni: 100, remotes: [{address: 192.0.2.9, key: 200}]}\n"
    )
    assert faults(text) == ["9:33 tenants.t.networks.red.remotes[0]: key 200 already leads to blue"]


@pytest.mark.parametrize("prefix", ["::/0", "2001:db8::/32"])
def test_allowed_sources_are_of_the_underlays_version(faults: Faults, prefix: str) -> None:
    text = HEAD.replace("underlay: {", f'underlay: {{allowed-sources: ["{prefix}"], ')
    (fault,) = faults(text)
    assert f"an IPv6 underlay ({prefix}) is not built yet" in fault


def test_explicit_route_targets_satisfy_a_four_octet_as() -> None:
    text = network("{vni: 65536, route-targets: {import: 70000:1, export: 70000:1}}", BIG_AS)
    assert host(text).networks[0].export_targets == (RouteTarget.parse("70000:1"),)


def test_a_four_octet_as_with_a_small_vni_needs_nothing() -> None:
    assert host(network("{vni: 65535}", BIG_AS)).networks[0].import_targets == (RouteTarget.parse("70000:65535"),)
