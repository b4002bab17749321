"""Keys whose feature is not built yet: accepted, told once a file, and never half in force."""

from __future__ import annotations

from collections.abc import Callable

from weft.config import load, load_fabric, load_host

HEAD = "version: 1\nkind: host\nname: h1\nunderlay: {interfaces: [eth0], address: 192.0.2.1}\n"

# The public example of an EVPN host, in full.
HOST_EVPN = """\
version: 1
kind: host
name: hv7
underlay:
  interfaces: [eth0]                 # tunnel packets are accepted on these only
  address: 192.0.2.7                 # tunnel source
  mtu: 1500                          # tenants' ports get the MTU that fits
vtep:
  dataplane: ebpf                    # ebpf | user | ovs
  encap: vxlan
  control: evpn
bgp:
  asn: 65001
  router-id: 192.0.2.7
  neighbors:
    - {peer: 192.0.2.1, remote-as: 65001}
    - {peer: 192.0.2.2, remote-as: external, password-file: bgp.key, ttl-security: 1, bfd: true}
tenants:
  red:
    l3vni: 50001
    networks:
      red-web:
        vni: 10110
        route-targets: {import: ["65001:10110"], export: ["65001:10110"]}   # default: AS:VNI
        gateway: [10.1.10.1/24]
        suppress-arp: true
        ports:
          - {name: tap0}
          - {name: eth1, vlan: 110}
"""


def test_a_fabric_file_gets_one_notice_for_all_its_keys(example: Callable[[str], str]) -> None:
    assert load_fabric(example("demo.weft.yaml"), "demo.weft.yaml").notices == (
        "notice: demo.weft.yaml: accepted, not built yet: l3vni (2x), gateway (3x), defaults.overlay.anycast-mac",
    )


def test_a_port_with_a_vlan_is_left_out_and_the_notice_says_so() -> None:
    loaded = load_host(HOST_EVPN, "hv7.weft.yaml")
    assert [port.name for port in loaded.config.networks[0].ports] == ["tap0"]
    assert loaded.notices == (
        "notice: hv7.weft.yaml: accepted, not built yet: l3vni, gateway, suppress-arp, vlan, password-file, "
        "ttl-security, bfd; left out: port eth1 of red-web (vlan)",
    )


def test_several_ports_with_vlans_leave_the_right_ones() -> None:
    ports = "{name: a, vlan: 1}, {name: b}, {name: c, qinq: {}}, {name: d, vlan: 2}, {name: e}"
    loaded = load_host(HEAD + f"tenants: {{t: {{networks: {{n: {{vni: 1, ports: [{ports}]}}}}}}}}\n", "f")
    assert [port.name for port in loaded.config.networks[0].ports] == ["b", "e"]


def test_a_stitched_network_is_left_out_whole() -> None:
    text = HEAD + "tenants: {t: {networks: {a: {vni: 1}, legacy: {stitch: [{name: x, encap: nvgre, vni: 9}]}}}}\n"
    loaded = load_host(text, "f")
    assert [network.name for network in loaded.config.networks] == ["a"]
    assert loaded.notices == ("notice: f: accepted, not built yet: stitch; left out: network legacy (stitch)",)


def test_keys_with_another_meaning_elsewhere_are_told_with_their_owner() -> None:
    text = HEAD + (
        "bgp: {asn: 1, dynamic: []}\n"
        "tunnels: {}\n"
        "agent: {metrics: x}\n"
        "vtep: {flood: multicast}\n"
        "tenants: {t: {rd: 1:1, route-targets: {}, bgp: {}, networks: {n: {vni: 1, mac-limit: 3, "
        "ports: [{name: p, mac-limit: 4}]}}}}\n"
    )
    assert load(text, "f").notices == (
        "notice: f: accepted, not built yet: tenant rd, tenant route-targets, tenant bgp, mac-limit, port mac-limit, "
        "bgp.dynamic, vtep.flood: multicast, agent.metrics, tunnels",
    )


def test_a_file_without_reserved_keys_has_no_notice(example: Callable[[str], str]) -> None:
    assert load(example("static.weft.yaml"), "f").notices == ()


def test_a_name_in_a_notice_cannot_steer_the_terminal() -> None:
    text = HEAD + 'tenants: {t: {networks: {n: {vni: 1, ports: [{name: "a\\eb", vlan: 1}]}}}}\n'
    assert load(text, "f").notices[0].isprintable()
