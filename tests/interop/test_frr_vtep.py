"""weft and FRR as two VTEPs of one network: iBGP EVPN between them, VXLAN of the kernel on FRR's side.

                    10.90.0.1     AS 65000     10.90.0.2
      h1 ── p1 ┐  ┌──────────┐               ┌──────────────────┐  ┌ p2 ── h2
               ├──┤   weft   ├ u0 ─────── u0 ┤ FRR zebra, bgpd  ├──┤
      m1 ── p3 ┘  │  agent   │               │ kernel vx ── br0 │  └ p4 ── m2     VNI 100
                  └──────────┘               └──────────────────┘

m1 and m2 stand for two places where one moving address may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from support.agents import Agent, Item, agent
from support.capture import capture, dissect
from support.frames import arp_request, eth
from support.frr import Frr, frr, shown_by_weft
from support.machines import Host, Machine, Machines, kernel_vtep, need
from support.traffic import echo, heard, put, silent_pairs, stream, wait_reachable
from support.wait import wait_equal, wait_until
from weft.values import Mac

VNI, ASN = 100, 65000
WEFT, FRR = "10.90.0.1", "10.90.0.2"
ROUTED = "10.1.0.254"
"""FRR's own address in the tenant's network: FRR announces addresses of hosts that it has resolved."""
FLOODED = "00:00:00:00:00:00"
_TEST_ETHERTYPE = 0x88B5

WEFT_CONFIG = f"""
underlay: {{interfaces: [u0], address: {WEFT}}}
vtep: {{dataplane: ebpf, control: evpn}}
bgp: {{asn: {ASN}, neighbors: [{{peer: {FRR}, remote-as: internal, connect-retry: 1}}]}}
tenants: {{t: {{networks: {{web: {{vni: {VNI}, ports: [{{name: p1}}, {{name: p3}}]}}}}}}}}
"""
FRR_CONFIG = f"""
router bgp {ASN}
 bgp router-id {FRR}
 no bgp default ipv4-unicast
 neighbor {WEFT} remote-as {ASN}
 neighbor {WEFT} timers connect 1
 address-family l2vpn evpn
  neighbor {WEFT} activate
  advertise-all-vni
 exit-address-family
"""


class Pair(Struct, frozen=True):
    """The picture above."""

    weft: Machine
    far: Machine
    agent: Agent
    frr: Frr
    hosts: tuple[Host, Host]
    places: tuple[Host, Host]


@pytest.fixture(scope="module")
def pair(world: Machines, directory: Path) -> Iterator[Pair]:
    need("ip", "bridge", "zebra", "bgpd", "vtysh")
    weft, far = world.machine("weft"), world.machine("far")
    world.cable(weft, "u0", far, "u0")
    for machine, address in ((weft, WEFT), (far, FRR)):
        machine.ip(f"addr add {address}/24 dev u0")
    hosts = world.host(1, weft, "p1"), world.host(2, far, "p2")
    places = world.host(3, weft, "p3"), world.host(4, far, "p4")
    kernel_vtep(far, VNI, FRR, ["p2", "p4"])
    far.ip(f"addr add {ROUTED}/24 dev br0")
    with frr(far, FRR_CONFIG) as peer, agent(weft, WEFT_CONFIG, directory / "weft") as running:
        running.wait_converged()
        yield Pair(weft, far, running, peer, hosts, places)


def weft_routes(pair: Pair, mac: str) -> list[Item]:
    return [item for item in pair.agent.items("evpn") if item["mac"] == mac and item["best"]]


def fdb(pair: Pair, mac: str) -> set[str]:
    """The VTEPs behind which FRR's kernel has an address."""
    words = (line.split() for line in pair.far.bridge("fdb show dev vx").splitlines())
    return {line[line.index("dst") + 1] for line in words if line[0] == mac and "dst" in line}


def test_hosts_reach_each_other_in_both_families(pair: Pair) -> None:
    wait_reachable(*pair.hosts)
    assert silent_pairs(*pair.hosts) == []


def test_streams_pass_both_ways_unchanged(pair: Pair) -> None:
    h1, h2 = pair.hosts
    wait_reachable(h1, h2)
    assert stream(h1.machine, h2.machine, h2.ipv4, 20_000_000).whole
    assert stream(h2.machine, h1.machine, h1.ipv6, 20_000_000).whole


def test_both_have_the_same_routes(pair: Pair) -> None:
    h1, h2 = pair.hosts
    wait_reachable(h1, h2)
    assert echo(h2.machine, pair.far, ROUTED)  # now FRR knows h2's address and announces it
    wait_until("FRR announces the address", lambda: any(route.ip == h2.ipv4 for route in pair.frr.routes()))
    wait_until("both tables are alike", lambda: shown_by_weft(pair.agent.show("evpn")) == pair.frr.routes())
    routes = pair.frr.routes()
    assert {(route.type, route.mac, route.ip, route.nexthop) for route in routes} >= {
        (2, h1.mac, "", WEFT),
        (2, h2.mac, "", FRR),
        (2, h2.mac, h2.ipv4, FRR),
        (3, "", WEFT, WEFT),
        (3, "", FRR, FRR),
    }
    assert {(route.vnis, route.route_targets, route.encap) for route in routes} == {((VNI,), (f"{ASN}:{VNI}",), 8)}
    assert {route.rd for route in routes if route.nexthop == WEFT} == {f"{WEFT}:{VNI}"}


def test_forwarding_tables_say_the_same(pair: Pair) -> None:
    h1, h2 = pair.hosts
    wait_reachable(h1, h2)
    wait_equal("FRR has installed h1", lambda: fdb(pair, h1.mac), {WEFT})
    assert fdb(pair, FLOODED) == {WEFT}
    macs = {item["mac"]: item for item in pair.agent.show("mac")}
    here, there = macs[h1.mac], macs[h2.mac]
    assert (here["where"], here["port"], here["source"]) == ("local", "p1", "learned")
    assert (there["where"], there["vtep"], there["source"], there["encap"]) == ("remote", FRR, "evpn", ["vxlan"])
    assert there["vteps"] == [{"address": FRR, "encap": "vxlan", "key": VNI}]
    # Behind each other's VTEP is exactly what the other has on its ports.
    local = {mac for mac, item in macs.items() if item["where"] == "local"}
    assert all(fdb(pair, mac) == {WEFT} for mac in local)
    ports = "".join(pair.far.bridge(f"fdb show dev {port}") for port in ("p2", "p4"))
    assert all(f"{mac} master br0" in ports for mac, item in macs.items() if item["where"] == "remote")


def test_an_address_moves_to_weft_and_back_with_rising_sequence_numbers(pair: Pair) -> None:
    roaming = Mac.parse("02:00:00:00:77:01")
    here, there = (place.machine for place in pair.places)
    probe = eth(roaming, Mac.parse(pair.hosts[0].mac), _TEST_ETHERTYPE, b"where are you?".ljust(46, b"."))

    def appear(place: Machine) -> None:
        put(place, "eth0", [arp_request(roaming)])

    def is_at(place: Machine) -> bool:
        return heard(place, "eth0", probe, lambda: put(pair.hosts[0].machine, "eth0", [probe]))

    for round_ in range(2):
        sequence = 2 * round_
        appear(there)
        wait_equal("weft has it behind FRR", lambda: remote_claim(pair, roaming), (FRR, sequence))
        assert is_at(there)
        assert not is_at(here)

        appear(here)
        wait_equal("FRR has it behind weft", lambda: fdb(pair, str(roaming)), {WEFT})
        wait_equal("FRR has given it up", lambda: nexthops(pair, roaming), {(WEFT, sequence + 1)})
        assert pair.frr.mac_sequences(VNI, str(roaming))[1] == sequence + 1
        (item,) = (item for item in pair.agent.items("mac") if item["mac"] == str(roaming))
        assert (item["where"], item["port"], item["sequence"]) == ("local", "p3", sequence + 1)
        assert is_at(here)
        assert not is_at(there)


def test_an_address_that_frr_calls_sticky_does_not_move_to_weft(pair: Pair) -> None:
    sticky, ordinary = Mac.parse("02:00:00:00:77:02"), Mac.parse("02:00:00:00:77:03")
    pair.far.bridge(f"fdb add {sticky} dev p4 master static sticky")
    wait_equal("weft has it behind FRR", lambda: remote_claim(pair, sticky), (FRR, 0))
    assert weft_routes(pair, str(sticky))[0]["sticky"]
    # Seen here too; once weft has announced what came after it, it has judged both.
    put(pair.places[0].machine, "eth0", [arp_request(sticky), arp_request(ordinary)])
    wait_equal("FRR has the later one", lambda: nexthops(pair, ordinary), {(WEFT, 0)})
    assert nexthops(pair, sticky) == {(FRR, 0)}
    (item,) = (item for item in pair.agent.items("mac") if item["mac"] == str(sticky))
    assert (item["where"], item["vtep"], item["flags"]) == ("remote", FRR, ["pinned"])


def remote_claim(pair: Pair, mac: Mac) -> tuple[str | None, int] | None:
    """(VTEP, sequence) of the address in weft's table."""
    found = [item for item in pair.agent.items("mac") if item["mac"] == str(mac)]
    return (found[0]["vtep"], found[0]["sequence"]) if found else None


def nexthops(pair: Pair, mac: Mac) -> set[tuple[str, int]]:
    """(next hop, sequence) of every route of the address that FRR has."""
    return {(route.nexthop, route.sequence) for route in pair.frr.routes() if route.mac == str(mac)}


def test_an_address_goes_with_its_port_on_frr(pair: Pair) -> None:
    place = pair.places[1]
    put(place.machine, "eth0", [arp_request(Mac.parse(place.mac))])
    wait_until("weft has the route", lambda: weft_routes(pair, place.mac))
    pair.far.ip("link set p4 down")
    try:
        wait_equal("the route is withdrawn", lambda: weft_routes(pair, place.mac), [])
        assert place.mac not in {item["mac"] for item in pair.agent.items("mac")}
    finally:
        pair.far.ip("link set p4 up")


def test_an_address_goes_with_its_port_on_weft(pair: Pair) -> None:
    place = pair.places[0]
    put(place.machine, "eth0", [arp_request(Mac.parse(place.mac))])
    wait_equal("FRR has installed it", lambda: fdb(pair, place.mac), {WEFT})
    pair.weft.ip("link set p3 down")
    try:
        wait_equal("FRR has removed it", lambda: fdb(pair, place.mac), set())
        wait_equal("and its route", lambda: nexthops(pair, Mac.parse(place.mac)), set())
    finally:
        pair.weft.ip("link set p3 up")


def test_the_session_comes_back_with_all_routes_and_every_message_is_well_formed(pair: Pair, tmp_path: Path) -> None:
    need("tcpdump", "tshark")
    h1, h2 = pair.hosts
    wait_reachable(h1, h2)
    lost = pair.agent.counts("counters")["bgp-session-lost"]
    with capture(pair.weft, "u0", tmp_path / "bgp.pcap") as recording:
        pair.frr.do("clear bgp *")
        wait_equal("the session ends", lambda: pair.agent.counts("counters")["bgp-session-lost"], lost + 1)
        pair.agent.wait_converged()
        wait_reachable(h1, h2)
        wait_until("both tables are alike", lambda: shown_by_weft(pair.agent.items("evpn")) == pair.frr.routes())
        file = recording.finish()
    messages = dissect(file, ["ip.src", "bgp.type", "bgp.evpn.nlri.rt"], "bgp")
    sent = {kind for message in messages if message["ip.src"][0] == WEFT for kind in message["bgp.type"]}
    assert sent >= {"1", "2", "4"}  # OPEN, UPDATE, KEEPALIVE
    routes = {kind for message in messages if message["ip.src"][0] == WEFT for kind in message["bgp.evpn.nlri.rt"]}
    assert routes == {"2", "3"}
    wrong = "bgp && (_ws.malformed || _ws.expert.severity == error)"
    assert dissect(file, ["ip.src", "_ws.expert.message"], wrong, options=()) == []
