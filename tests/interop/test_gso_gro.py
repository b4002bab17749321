"""Large frames stay large: segmentation and aggregation (GSO, GRO) work through weft's tunnels in both directions.

                  10.90.0.1                10.90.0.2
      h1 ── p1 ──[ weft v1 ] u0 ───── u0 [ weft v2 ]── p2 ── h2       VNI 5001, underlay MTU 1500

What a kernel can aggregate is a matter of settings on the receiving underlay interface:
* a veth aggregates only with `ethtool -K u0 gro on` (it is off by default; most hardware has it on), and
* VXLAN only if a kernel tunnel device owns the UDP port: that is the idle device `weftgro4789` of the agent.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from support.agents import Agent, agent
from support.machines import Host, Machine, Machines, need
from support.traffic import Frames, Stream, frame_sizes, silent_pairs, stream
from support.wait import wait_until
from weft.host.underlay import RECEIVE_DEVICE

VNI, UNDERLAY_MTU = 5001, 1500
STREAM_OCTETS = 20_000_000
LARGE_OCTETS = 10_000
"""A mean above this means that most segments travel in aggregates."""
WIRE_OCTETS = UNDERLAY_MTU + 14
DEVICE = RECEIVE_DEVICE.format(port=4789)
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"


class Pair(Struct, frozen=True):
    """The picture above."""

    vteps: tuple[Machine, Machine]
    agents: tuple[Agent, Agent]
    hosts: tuple[Host, Host]


def config(own: int, other: int) -> str:
    return f"""
underlay: {{interfaces: [u0], address: 10.90.0.{own}}}
vtep: {{dataplane: ebpf, control: static, remotes: [10.90.0.{other}]}}
tenants: {{t: {{networks: {{web: {{vni: {VNI}, ports: [{{name: p{own}}}]}}}}}}}}
"""


@pytest.fixture(scope="module")
def pair(world: Machines, directory: Path) -> Iterator[Pair]:
    need("ip", "ethtool")
    v1, v2 = world.machine("v1"), world.machine("v2")
    world.cable(v1, "u0", v2, "u0", UNDERLAY_MTU)
    hosts = world.host(1, v1, "p1"), world.host(2, v2, "p2")
    for number, machine in enumerate((v1, v2), 1):
        machine.ip(f"addr add 10.90.0.{number}/24 dev u0")
    with agent(v1, config(1, 2), directory / "v1") as a1, agent(v2, config(2, 1), directory / "v2") as a2:
        for running in (a1, a2):
            running.wait_converged()
        yield Pair((v1, v2), (a1, a2), hosts)


class Observed(Struct, frozen=True):
    """One transfer: what left on the wire and what the receiving tenant's port was given."""

    stream: Stream
    wire: Frames
    delivered: Frames


def carries_data(head: bytes, at: int) -> bool:
    """Whether the frame whose Ethernet header is at offset `at` is TCP with more than an acknowledgement."""
    kind = head[at + 12 : at + 14]
    if kind == _IPV4:
        return head[at + 23] == 6 and int.from_bytes(head[at + 16 : at + 18], "big") > 100
    return kind == _IPV6 and head[at + 20] == 6 and int.from_bytes(head[at + 18 : at + 20], "big") > 80


def transfer(pair: Pair, forward: bool, family: int) -> Observed:
    source, destination = pair.hosts if forward else pair.hosts[::-1]
    sender = pair.vteps[0 if forward else 1]
    with (
        frame_sizes(sender, "u0", lambda head, leaves: leaves and carries_data(head, 50)) as wire,
        frame_sizes(
            destination.machine, "eth0", lambda head, leaves: not leaves and carries_data(head, 0)
        ) as delivered,
    ):
        result = stream(source.machine, destination.machine, destination.addresses[family], STREAM_OCTETS)
    assert (wire.lost, delivered.lost) == (0, 0)
    assert (result.whole, result.octets) == (True, STREAM_OCTETS)
    assert min(sum(wire.sizes), sum(delivered.sizes)) > STREAM_OCTETS
    return Observed(result, wire, delivered)


def as_a_wire(pair: Pair) -> None:
    """No transmit offload on the underlay: packets are cut to size before they leave. The receiver may aggregate."""
    for machine in pair.vteps:
        machine.offloads("u0", on=False)
        machine.gro("u0", on=True)


@pytest.mark.parametrize("forward", [True, False], ids=["h1 to h2", "h2 to h1"])
@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_small_packets_on_the_wire_reach_the_tenant_in_aggregates(pair: Pair, forward: bool, family: int) -> None:
    as_a_wire(pair)
    seen = transfer(pair, forward, family)
    assert seen.wire.largest <= WIRE_OCTETS
    assert seen.delivered.mean > LARGE_OCTETS


@pytest.mark.parametrize("forward", [True, False], ids=["h1 to h2", "h2 to h1"])
@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_a_large_frame_crosses_a_capable_underlay_whole(pair: Pair, forward: bool, family: int) -> None:
    for machine in pair.vteps:
        machine.offloads("u0", on=True)
        machine.gro("u0", on=False)
    seen = transfer(pair, forward, family)
    assert seen.wire.mean > LARGE_OCTETS
    assert seen.delivered.mean > LARGE_OCTETS


def test_without_gro_on_the_interface_nothing_is_aggregated(pair: Pair) -> None:
    as_a_wire(pair)
    pair.vteps[1].gro("u0", on=False)
    assert transfer(pair, forward=True, family=0).delivered.largest <= WIRE_OCTETS


def test_without_the_idle_device_nothing_is_aggregated_and_the_agent_makes_it_again(pair: Pair) -> None:
    """Shows that the device is what does it, and that the tests above can fail."""
    as_a_wire(pair)
    with pair.agents[1].frozen():
        pair.vteps[1].ip(f"link del {DEVICE}")
        assert transfer(pair, forward=True, family=0).delivered.largest <= WIRE_OCTETS
    wait_until("the device is there again", lambda: DEVICE in pair.vteps[1].ip("link show"))
    assert transfer(pair, forward=True, family=0).delivered.mean > LARGE_OCTETS
    assert silent_pairs(*pair.hosts) == []
