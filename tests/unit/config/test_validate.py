"""Shapes of files: every error at once, where it is, with what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from weft.config import ConfigError, load

Faults = Callable[[str], list[str]]

HEAD = "version: 1\nkind: host\nname: h1\nunderlay: {interfaces: [eth0], address: 192.0.2.1}\n"


def network(settings: str) -> str:
    return HEAD + f"tenants: {{t: {{networks: {{n: {settings}}}}}}}\n"


def test_every_error_is_told_at_once_also_across_objects() -> None:
    text = """\
version: 1
kind: host
name: hv7
underlay: {interfaces: [eth0], address: 192.0.2.7, mtu: 1500}
vtep: {dataplane: ebpf, udpports: {}}
bgp:
  asn: 65001
  neighbors:
    - {peer: 192.0.2.1, remote-as: foo}
    - {peer: 192.0.2.9}
    - {peer: 192.0.2.7, remote-as: external}
tenants:
  red:
    networks:
      red-web: {vni: 16777216}
      red-db:  {vni: 5, mtu: 1500}
      red-app: {vni: 5}
"""
    with pytest.raises(ConfigError) as caught:
        load(text, "bad.weft.yaml")
    assert str(caught.value) == (
        "bad.weft.yaml:5:25: error: vtep.udpports: unknown key\n"
        "    5 | vtep: {dataplane: ebpf, udpports: {}}\n"
        "      |                         ^\n"
        "  did you mean udp-ports?\n"
        "bad.weft.yaml:9:36: error: bgp.neighbors[0].remote-as: 'foo' is not an AS number\n"
        "    9 |     - {peer: 192.0.2.1, remote-as: foo}\n"
        "      |                                    ^\n"
        "  use a number, internal or external\n"
        "bad.weft.yaml:10:7: error: bgp.neighbors[1]: the key 'remote-as' is missing\n"
        "   10 |     - {peer: 192.0.2.9}\n"
        "      |       ^\n"
        "  add remote-as: …\n"
        "bad.weft.yaml:11:14: error: bgp.neighbors[2].peer: 192.0.2.7 is this host's own address\n"
        "   11 |     - {peer: 192.0.2.7, remote-as: external}\n"
        "      |              ^\n"
        "  leave it out\n"
        "bad.weft.yaml:15:22: error: tenants.red.networks.red-web.vni: 16777216 is above 16777215, "
        "the largest 24-bit VNI\n"
        "   15 |       red-web: {vni: 16777216}\n"
        "      |                      ^\n"
        "  use a number from 1 to 16777215\n"
        "bad.weft.yaml:16:30: error: tenants.red.networks.red-db.mtu: 1500 is above 1450, "
        "what an underlay MTU of 1500 leaves for VXLAN\n"
        "   16 |       red-db:  {vni: 5, mtu: 1500}\n"
        "      |                              ^\n"
        "  use at most 1450, or a larger underlay MTU\n"
        "bad.weft.yaml:17:22: error: tenants.red.networks.red-app.vni: 5 is already the VNI of red-db\n"
        "   17 |       red-app: {vni: 5}\n"
        "      |                      ^\n"
        "  give each network a VNI of its own"
    )


def test_an_error_hides_what_only_follows_from_it(faults: Faults) -> None:
    text = HEAD + "vtep: {control: evpn}\nbgp: {neighbors: []}\n"
    assert faults(text) == ["6:1 bgp: the key 'asn' is missing"]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("{vni: 0}", ".vni: 0 is below 1, the smallest VNI"),
        ("{vni: '7'}", ".vni: '7' is not a whole number"),
        ("{vni: true}", ".vni: true is not a whole number"),
        ("{vni: 1.5}", ".vni: 1.5 is not a whole number"),
        ("{}", ": the key 'vni' is missing"),
        ("[]", ": a list is not a mapping"),
        ("", ": an empty value is not a mapping"),
        ("{vni: 1, learn: no}", ".learn: 'no' is not true or false"),
        ("{vni: 1, ageing: 0}", ".ageing: 0 is not a number of seconds above 0"),
        ("{vni: 1, ageing: 300s}", ".ageing: '300s' is not a number of seconds above 0"),
        ("{vni: 1, mtu: 67}", ".mtu: 67 is below 68"),
        ("{vni: 1, mtu: 65536}", ".mtu: 65536 is above 65535"),
        ("{vni: 1, encap: nvgre}", ".encap: nvgre is not built yet: vxlan is"),
        ("{vni: 1, encap: foo}", ".encap: 'foo' is not one of vxlan, gre, nvgre, geneve, stt"),
        ("{vni: 1, control: learn}", ".control: learn is not built yet: evpn and static are"),
        ("{vni: 1, ports: {name: p}}", ".ports: a mapping is not a list"),
        ("{vni: 1, ports: [{name: sixteen-letters-}]}", ".ports[0].name: 'sixteen-letters-' is not an interface name"),
        ("{vni: 1, ports: [{name: a/b}]}", ".ports[0].name: 'a/b' is not an interface name"),
        ("{vni: 1, ports: [{name: ..}]}", ".ports[0].name: '..' is not an interface name"),
        ("{vni: 1, ports: [{name: e%d}]}", ".ports[0].name: 'e%d' is not an interface name"),
        (
            "{vni: 1, remotes: [2001:db8::1]}",
            ".remotes[0]: an IPv6 underlay (2001:db8::1) is not built yet: IPv4 is",
        ),
        ("{vni: 1, remotes: [224.0.0.1]}", ".remotes[0]: 224.0.0.1 is not a unicast address"),
        (
            "{vni: 1, remotes: [[192.0.2.2, 192.0.2.3]]}",
            ".remotes[0]: several addresses of one remote are not built yet: one address is",
        ),
        ("{vni: 1, remotes: [{address: 192.0.2.2, encap: stt}]}", ".remotes[0].encap: stt is not built yet: vxlan is"),
        ("{vni: 1, route-targets: {import: foo}}", ".route-targets.import: 'foo' is not a route target"),
        (
            '{vni: 1, hosts: [{mac: "01:00:00:00:00:01", remote: 192.0.2.2}]}',
            ".hosts[0].mac: 01:00:00:00:00:01 is not the address of one station",
        ),
    ],
)
def test_a_value_of_a_network_that_cannot_be_is_refused(settings: str, fault: str, faults: Faults) -> None:
    (found,) = faults(network(settings))
    assert f"tenants.t.networks.n{fault}" in found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1 : the file is empty"),
        ("- a\n", "1:1 : the file is not a mapping"),
        ("version: 1\n", "1:1 : the key 'kind' is missing"),
        ("kind: router\n", "1:7 kind: no such kind of file"),
        ("kind: host\n", "1:1 : the key 'version' is missing"),
        (HEAD.replace("version: 1", "version: 2") + "vtep: {}\n", "1:10 version: 2 is not supported"),
        (HEAD.replace("h1", "../x") + "vtep: {}\n", "3:7 name: '../x' is not a name"),
        (HEAD.replace("h1", "x" * 32) + "vtep: {}\n", f"3:7 name: '{'x' * 32}' is not a name"),
        (HEAD.replace("192.0.2.1", "2001:db8::1") + "vtep: {}\n", "4:41 underlay.address: an IPv6 underlay"),
        (HEAD.replace("192.0.2.1", "[]") + "vtep: {}\n", "4:41 underlay.address: too few items: 0"),
        (HEAD + "vtep: {dataplane: ovs}\n", "5:19 vtep.dataplane: ovs is not built yet: ebpf and fake are"),
        (HEAD + "bgp: {asn: 0}\n", "5:12 bgp.asn: 0 is not an AS number"),
        (
            HEAD + "bgp: {asn: 1, neighbors: [{peer: 192.0.2.2, remote-as: 4294967296}]}\n",
            "5:56 bgp.neighbors[0].remote-as: 4294967296 is not an AS number",
        ),
        (HEAD + "bgp: {asn: 1, hold-time: 2}\n", "5:26 bgp.hold-time: a hold time of 2 s is not allowed"),
        (HEAD + "bgp: {asn: 1, router-id: 0.0.0.0}\n", "5:26 bgp.router-id: 0.0.0.0 is not a router id"),
        (HEAD + "tenants: {'a b': {}}\n", "5:11 tenants.a b: 'a b' is not a name"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(text: str, fault: str, faults: Faults) -> None:
    found = faults(text)
    assert any(one.startswith(fault) for one in found), found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (HEAD + "vtpe: {}\n", "did you mean vtep?"),
        (HEAD + "bgp: {asn: 1, neighbours: []}\n", "did you mean neighbors?"),
        (
            HEAD + "bgp: {asn: 1, neighbors: [{peer: 192.0.2.2, remote-as: 1, ttl_security: 1}]}\n",
            "did you mean ttl-security?",
        ),
        (network("{vni: 1, networks: {}}"), "known here: ageing, bum-limits, control"),
        (HEAD + "tenants: {networks: {networks: {networks: {vni: 1, agein: 3}}}}\n", "did you mean ageing?"),
        (network("{vni: 1, remotes: [{address: 192.0.2.2, kye: 3}]}"), "did you mean key?"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_known_one(text: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text, "f")
    (issue,) = caught.value.issues
    assert issue.message == "unknown key"
    assert issue.hint.startswith(hint)
