"""weft against the kernel's own VXLAN device and bridge. The peer shares no code with weft.

                    10.90.0.1   underlay, 1500   10.90.0.2
      h1 ── p1 ┐  ┌──────────┐                ┌───────────────┐  ┌ p2 ── h2     VNI 5001, addresses are learned
      h3 ── p3 ┴──┤   weft   ├ u0 ──────── u0 ┤ kernel        ├──┤
                  │  agent   │                │ vx-br, vy-bs  │  └ p4 ── h4     VNI 5006, addresses are stated
                  └──────────┘                └───────────────┘

No offload on the underlay cable: every packet is cut to size and carries all its checksums.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from support.agents import Agent, agent
from support.capture import Packet, capture, dissect
from support.frames import arp_request
from support.machines import Host, Machine, Machines, kernel_vtep, need
from support.traffic import echo, heard, put, silent_pairs, stream, wait_reachable
from support.wait import wait_equal
from weft.values import Ip, Mac
from weft.wire import ethernet
from weft.wire.encap.vxlan import Vxlan
from weft.wire.ipv4 import Ipv4
from weft.wire.udp import Udp

LEARNED, PINNED = 5001, 5006
WEFT, KERNEL, STRANGER, SECOND = "10.90.0.1", "10.90.0.2", "10.90.0.66", "10.90.0.5"
STREAM_OCTETS, CAPTURED_OCTETS = 20_000_000, 2_000_000
PORT_RANGE = range(49152, 65536)

CONFIG = f"""
underlay: {{interfaces: [u0], address: {WEFT}}}
vtep: {{dataplane: ebpf, control: static, remotes: [{KERNEL}]}}
tenants:
  t:
    networks:
      learned: {{vni: {LEARNED}, ports: [{{name: p1}}]}}
      pinned:
        vni: {PINNED}
        learn: false
        hosts: [{{mac: "02:00:00:00:01:04", ip: 10.1.0.4, remote: {KERNEL}}}]
        ports: [{{name: p3}}]
"""

FIELDS = (
    "frame.len", "eth.src", "eth.type", "ip.src", "ip.dst", "ip.ttl", "ip.flags.df", "ip.proto", "ip.checksum.status",
    "udp.srcport", "udp.dstport", "udp.checksum", "udp.checksum.status", "tcp.srcport", "tcp.dstport",
    "tcp.checksum.status", "icmpv6.checksum.status", "vxlan.flag_i", "vxlan.flags", "vxlan.vni", "vxlan.reserved8",
)  # fmt: skip
GOOD, ABSENT = "1", "3"
"""tshark's words for a checksum."""
WRONG = "(_ws.malformed || _ws.expert.severity == error)"


class Pair(Struct, frozen=True):
    """The picture above."""

    weft: Machine
    kernel: Machine
    agent: Agent
    hosts: tuple[Host, Host, Host, Host]


@pytest.fixture(scope="module")
def pair(world: Machines, directory: Path) -> Iterator[Pair]:
    need("ip", "bridge", "ethtool")
    weft, kernel = world.machine("weft"), world.machine("kernel")
    world.cable(weft, "u0", kernel, "u0")
    for machine, address in ((weft, WEFT), (kernel, KERNEL)):
        machine.ip(f"addr add {address}/24 dev u0")
        machine.offloads("u0", on=False)
        machine.gro("u0", on=True)
    hosts = tuple(world.host(n, leaf, f"p{n}") for n, leaf in ((1, weft), (2, kernel), (3, weft), (4, kernel)))
    kernel_vtep(kernel, LEARNED, KERNEL, ["p2"], learning=True)
    kernel_vtep(kernel, PINNED, KERNEL, ["p4"], bridge="bs", device="vy")
    for device in ("vx", "vy"):
        kernel.bridge(f"fdb append 00:00:00:00:00:00 dev {device} dst {WEFT}")
    kernel.bridge(f"fdb add {hosts[2].mac} dev vy dst {WEFT} master static")
    kernel.bridge(f"fdb add {hosts[2].mac} dev vy dst {WEFT} self static")
    with agent(weft, CONFIG, directory / "weft") as running:
        running.wait_converged()
        yield Pair(weft, kernel, running, hosts)  # type: ignore[arg-type]


def test_hosts_reach_each_other_from_the_first_packet_in_both_families(pair: Pair) -> None:
    h1, h2, *_ = pair.hosts
    assert silent_pairs(h1, h2) == []


def test_addresses_are_learned_from_ports_and_from_tunnels(pair: Pair) -> None:
    h1, h2, *_ = pair.hosts
    wait_reachable(h1, h2)
    macs = {item["mac"]: item for item in pair.agent.show("mac") if item["vni"] == LEARNED}
    assert set(macs) == {h1.mac, h2.mac}
    assert (macs[h1.mac]["where"], macs[h1.mac]["port"], macs[h1.mac]["vtep"]) == ("local", "p1", None)
    assert (macs[h2.mac]["where"], macs[h2.mac]["source"], macs[h2.mac]["vtep"]) == ("remote", "learned", KERNEL)
    # And the kernel has learned ours.
    assert f"{h1.mac} dst {WEFT} self" in pair.kernel.bridge("fdb show dev vx")


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("forward", [True, False], ids=["to the kernel", "from the kernel"])
def test_a_tcp_stream_arrives_unchanged(pair: Pair, family: int, forward: bool) -> None:
    source, destination = pair.hosts[:2] if forward else pair.hosts[1::-1]
    result = stream(source.machine, destination.machine, destination.addresses[family], STREAM_OCTETS)
    assert (result.whole, result.octets) == (True, STREAM_OCTETS)


def test_every_packet_on_the_wire_is_right(pair: Pair, tmp_path: Path) -> None:
    need("tcpdump", "tshark")
    h1, h2, *_ = pair.hosts
    # Emptied neighbour tables make ARP and ND part of what is recorded.
    for host in (h1, h2):
        host.machine.ip("neigh flush dev eth0")
    vni_of = {h1.mac: LEARNED, pair.hosts[2].mac: PINNED}  # h3 says something of its own now and then
    # At both ends: what arrives has been through GRO before it is recorded, what leaves is as it is on the wire.
    files = (tmp_path / "weft.pcap", tmp_path / "kernel.pcap")
    with capture(pair.weft, "u0", files[0]) as ours, capture(pair.kernel, "u0", files[1]) as theirs:
        assert silent_pairs(h1, h2) == []
        for source, destination in ((h1, h2), (h2, h1)):
            for address in destination.addresses:
                assert stream(source.machine, destination.machine, address, CAPTURED_OCTETS).whole
        recorded = (ours.finish(), theirs.finish())
    for file, address in zip(recorded, (WEFT, KERNEL), strict=True):
        assert dissect(file, ["frame.number"], f"{WRONG} && ip.src == {address}") == []
        packets = dissect(file, FIELDS, f"vxlan && ip.src == {address}")
        assert len(packets) > 2 * CAPTURED_OCTETS // 1450
        assert {kind for packet in packets for kind in packet["eth.type"]} == {"0x0800", "0x86dd", "0x0806"}
        for packet in packets:
            assert_inner_checksums_good(packet)
            if address == WEFT:
                assert_outer_headers_right(packet, vni_of[packet["eth.src"][1]])
        if address == WEFT:
            assert_one_source_port_a_flow(packets)


def assert_inner_checksums_good(packet: Packet) -> None:
    assert set(packet["ip.checksum.status"]) == {GOOD}
    assert packet["udp.checksum.status"][1:] in ([], [GOOD])
    assert packet["tcp.checksum.status"] in ([], [GOOD])
    assert packet["icmpv6.checksum.status"] in ([], [GOOD])
    assert int(packet["frame.len"][0]) <= 1514


def assert_outer_headers_right(packet: Packet, vni: int) -> None:
    assert (packet["ip.dst"][0], packet["ip.ttl"][0], packet["ip.flags.df"][0]) == (KERNEL, "64", "1")
    assert packet["udp.dstport"][0] == "4789"
    # RFC 7348 section 5: the outer UDP checksum should be zero, which means that there is none.
    assert (packet["udp.checksum"][0], packet["udp.checksum.status"][0]) == ("0x0000", ABSENT)
    assert int(packet["udp.srcport"][0]) in PORT_RANGE
    assert (packet["vxlan.flag_i"], packet["vxlan.vni"]) == (["1"], [str(vni)])
    assert (int(packet["vxlan.flags"][0], 16), int(packet["vxlan.reserved8"][0])) == (0x0800, 0)


def assert_one_source_port_a_flow(packets: list[Packet]) -> None:
    """All packets of one TCP connection in one direction leave by one source port; connections differ."""
    ports: dict[tuple[str, ...], set[str]] = {}
    for packet in packets:
        if packet["tcp.srcport"]:
            flow = (*packet["eth.type"][1:], packet["tcp.srcport"][0], packet["tcp.dstport"][0])
            ports.setdefault(flow, set()).add(packet["udp.srcport"][0])
    assert len(ports) == 4
    assert all(len(used) == 1 for used in ports.values())
    assert len(set.union(*ports.values())) > 1


def test_stated_hosts_are_reached_without_learning(pair: Pair) -> None:
    h3, h4 = pair.hosts[2:]
    assert silent_pairs(h3, h4) == []
    assert stream(h3.machine, h4.machine, h4.ipv4, 2_000_000).whole
    assert stream(h4.machine, h3.machine, h3.ipv6, 2_000_000).whole
    (entry,) = (item for item in pair.agent.show("mac") if item["vni"] == PINNED)
    assert (entry["mac"], entry["vtep"], entry["source"], entry["flags"]) == (h4.mac, KERNEL, "static", ["pinned"])


def test_networks_do_not_reach_each_other(pair: Pair) -> None:
    h1, h2, h3, h4 = pair.hosts
    assert not echo(h1.machine, h4.machine, h4.ipv4, 0.3)
    assert not echo(h3.machine, h2.machine, h2.ipv4, 0.3)


# Closed tunnels. Packets are put on the wire by hand, as a stranger on the underlay could.


def tunnel_packet(link: tuple[str, str], source: str, destination: str, vni: int, inner: bytes) -> bytes:
    """`link` is (destination MAC, source MAC)."""
    body = Vxlan(vni).pack() + inner
    ip = Ipv4(src=Ip.parse(source), dst=Ip.parse(destination), protocol=17, total_length=28 + len(body))
    header = ethernet.Ethernet(Mac.parse(link[0]), Mac.parse(link[1]), ethernet.IPV4)
    return header.pack() + ip.pack() + Udp(50000, 4789, 8 + len(body)).pack() + body


# (reason, outer source, outer destination, VNI, how many)
STRANGERS = (
    ("unknown-vtep", STRANGER, WEFT, LEARNED, 7),
    ("unknown-vni", KERNEL, WEFT, 7777, 5),
    ("not-underlay", KERNEL, SECOND, LEARNED, 3),
)


@pytest.mark.parametrize(("reason", "source", "destination", "vni", "count"), STRANGERS)
def test_what_is_not_expected_is_dropped_and_counted_by_its_reason(
    pair: Pair, reason: str, source: str, destination: str, vni: int, count: int
) -> None:
    h1 = pair.hosts[0]
    link = (pair.weft.mac("u0"), pair.kernel.mac("u0"))
    pair.weft.run("ip", "addr", "replace", f"{SECOND}/32", "dev", "lo")
    inner = arp_request(Mac.parse("02:00:00:00:66:01"))
    frame = tunnel_packet(link, source, destination, vni, inner)
    before = pair.agent.counts("drops")
    assert not heard(h1.machine, "eth0", inner, lambda: put(pair.kernel, "u0", [frame] * count))
    wait_equal("the drops are counted", lambda: pair.agent.counts("drops")[reason] - before[reason], count)
    after = pair.agent.counts("drops")
    assert {word for word in after if after[word] != before[word]} == {reason}


def test_the_same_packet_from_the_remote_itself_is_delivered(pair: Pair) -> None:
    link = (pair.weft.mac("u0"), pair.kernel.mac("u0"))
    inner = arp_request(Mac.parse("02:00:00:00:66:02"))
    frame = tunnel_packet(link, KERNEL, WEFT, LEARNED, inner)
    assert heard(pair.hosts[0].machine, "eth0", inner, lambda: put(pair.kernel, "u0", [frame]))


def test_the_kernel_delivers_the_spoofed_packet_that_weft_drops(pair: Pair) -> None:
    link = (pair.kernel.mac("u0"), pair.weft.mac("u0"))
    inner = arp_request(Mac.parse("02:00:00:00:66:03"))
    frame = tunnel_packet(link, STRANGER, KERNEL, LEARNED, inner)
    assert heard(pair.hosts[1].machine, "eth0", inner, lambda: put(pair.weft, "u0", [frame]))
