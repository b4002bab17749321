"""FRR as route reflector (bgpd alone) of two weft VTEPs, which have no session with each other.

               [ rr: FRR bgpd ] 10.90.0.10
                      │ AS 65000, iBGP, cluster 10.90.0.10
10.90.0.1  u0 ── [  lan  ] ── u0  10.90.0.2
      [ weft v1 ]          [ weft v2 ]
           p1                   p2
           │                    │
           h1                   h2        VNI 100
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from support.agents import Agent, agent
from support.frr import REFLECTOR, Frr, frr
from support.machines import Host, Machines, need
from support.traffic import echo, silent_pairs, wait_reachable
from support.wait import wait_equal, wait_until

VNI, ASN, HOLD_S = 100, 65000, 3
RR = "10.90.0.10"

FRR_CONFIG = f"""
router bgp {ASN}
 bgp router-id {RR}
 bgp cluster-id {RR}
 no bgp default ipv4-unicast
 neighbor CLIENTS peer-group
 neighbor CLIENTS remote-as {ASN}
 neighbor CLIENTS timers 1 {HOLD_S}
 bgp listen range 10.90.0.0/24 peer-group CLIENTS
 address-family l2vpn evpn
  neighbor CLIENTS activate
  neighbor CLIENTS route-reflector-client
 exit-address-family
"""


def config(number: int) -> str:
    return f"""
underlay: {{interfaces: [u0], address: 10.90.0.{number}}}
vtep: {{dataplane: ebpf, control: evpn}}
bgp:
  asn: {ASN}
  hold-time: {HOLD_S}
  neighbors: [{{peer: {RR}, remote-as: internal, connect-retry: 1}}]
tenants: {{t: {{networks: {{web: {{vni: {VNI}, ports: [{{name: p{number}}}]}}}}}}}}
"""


class Fabric(Struct, frozen=True):
    """The picture above."""

    reflector: Frr
    agents: tuple[Agent, Agent]
    hosts: tuple[Host, Host]

    def states(self) -> list[str]:
        return [str(running.items("bgp")[0]["state"]) for running in self.agents]

    def remote_routes(self) -> list[int]:
        """How many routes of the reflector each VTEP uses."""
        return [sum(item["peer"] == RR and item["best"] for item in running.items("evpn")) for running in self.agents]

    def remote_vteps(self) -> list[list[str]]:
        return [[str(item["address"]) for item in running.items("vtep")] for running in self.agents]

    def wait_up(self) -> None:
        for running in self.agents:
            running.wait_converged(30)
        wait_reachable(*self.hosts)
        wait_equal("a type 2 and a type 3 route each", self.remote_routes, [2, 2])

    def wait_down(self) -> None:
        """Until nothing that came from the reflector is left, and hosts no longer reach each other."""
        wait_until("sessions are down", lambda: "established" not in self.states())
        wait_equal("the routes are gone", self.remote_routes, [0, 0])
        wait_equal("the VTEPs are forgotten", self.remote_vteps, [[], []])
        assert not any(item["where"] == "remote" for running in self.agents for item in running.items("mac"))
        h1, h2 = self.hosts
        assert not echo(h1.machine, h2.machine, h2.ipv4, 0.3)


@pytest.fixture(scope="module")
def fabric(world: Machines, directory: Path) -> Iterator[Fabric]:
    need("ip", "bgpd", "vtysh")
    v1, v2, rr = (world.machine(name) for name in ("v1", "v2", "rr"))
    world.lan({v1: "10.90.0.1/24", v2: "10.90.0.2/24", rr: f"{RR}/24"})
    hosts = world.host(1, v1, "p1"), world.host(2, v2, "p2")
    with (
        frr(rr, FRR_CONFIG, REFLECTOR) as reflector,
        agent(v1, config(1), directory / "v1") as a1,
        agent(v2, config(2), directory / "v2") as a2,
    ):
        yield Fabric(reflector, (a1, a2), hosts)


def test_hosts_behind_two_clients_reach_each_other(fabric: Fabric) -> None:
    fabric.wait_up()
    assert silent_pairs(*fabric.hosts) == []


def test_reflected_routes_keep_their_next_hop(fabric: Fabric) -> None:
    fabric.wait_up()
    for running, other, far in zip(fabric.agents, (2, 1), fabric.hosts[::-1], strict=True):
        received = [item for item in running.show("evpn") if item["peer"] == RR and item["best"]]
        address = f"10.90.0.{other}"
        assert {(i["type"], i["nexthop"], i["rd"]) for i in received} == {
            (2, address, f"{address}:{VNI}"),
            (3, address, f"{address}:{VNI}"),
        }
        assert all(item["imported_by"] == ["web"] for item in received)
        (mac,) = (item for item in running.show("mac") if item["where"] == "remote")
        assert (mac["mac"], mac["vtep"]) == (far.mac, address)
        assert fabric.remote_vteps() == [["10.90.0.2"], ["10.90.0.1"]]


def test_a_client_does_not_use_its_own_routes_that_frr_sends_back(fabric: Fabric) -> None:
    """FRR reflects to all clients of a group alike, the originator too; RFC 4456 section 8 has the receiver refuse."""
    fabric.wait_up()
    for running, number in zip(fabric.agents, (1, 2), strict=True):
        wait_until("FRR sends them back", lambda r=running: r.counts("counters")["bgp-originator-loop"])  # type: ignore[misc]
        own = [item for item in running.items("evpn") if item["nexthop"] == f"10.90.0.{number}" and item["peer"]]
        assert {item["type"] for item in own} == {2, 3}
        assert {(item["excluded"], item["best"]) for item in own} == {("originator-loop", False)}
        (peer,) = running.items("bgp")
        assert (peer["received"], peer["accepted"]) == (4, 2)


@pytest.mark.parametrize("abruptly", [False, True], ids=["in order", "by a crash"])
def test_when_the_reflector_ends_its_routes_go_and_come_again_with_it(fabric: Fabric, abruptly: bool) -> None:
    fabric.wait_up()
    fabric.reflector.stop(abruptly=abruptly)
    fabric.wait_down()
    assert fabric.remote_vteps() == [[], []]
    fabric.reflector.start()
    fabric.wait_up()


def test_a_silent_reflector_is_given_up_when_the_hold_time_is_over(fabric: Fabric) -> None:
    fabric.wait_up()
    fabric.reflector.freeze()
    try:
        fabric.wait_down()
        errors = [running.items("bgp")[0]["last_error"] for running in fabric.agents]
        assert all("hold" in error.lower() for error in errors), errors
        problems = [running.items("status")[0]["problems"] for running in fabric.agents]
        assert all(RR in text for (text, *_) in problems), problems
    finally:
        fabric.reflector.thaw()
    fabric.wait_up()
