"""`lab test` over a kernel bridge per network instead of an overlay: right ones pass, and every fault is seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from weft.config.tree import FabricConfig
from weft.host import netns
from weft.host.links import links_of
from weft.lab import prove
from weft.lab.plan import LabPlan
from weft.lab.prove import Verdict

pytestmark = pytest.mark.root

# Red and blue overlap: red-a and blue-a have one address. red-d has none at all.
FABRIC = """
nodes:
  leaf: {group: leaf}
  red-a: {group: host, address: [10.0.0.1/24, "2001:db8::1/64"]}
  red-b: {group: host, address: [10.0.0.2/24, "2001:db8::2/64"]}
  red-d: {group: host}
  blue-a: {group: host, address: [10.0.0.1/24]}
  blue-b: {group: host, address: [10.0.0.3/24]}
links:
  - {endpoints: ["red-a:eth0", "leaf:ra"], network: red}
  - {endpoints: ["red-b:eth0", "leaf:rb"], network: red}
  - {endpoints: ["red-d:eth0", "leaf:rd"], network: red}
  - {endpoints: ["blue-a:eth0", "leaf:ba"], network: blue}
  - {endpoints: ["blue-b:eth0", "leaf:bb"], network: blue}
tenants:
  red: {networks: {red: {vni: 100}}}
  blue: {networks: {blue: {vni: 200}}}
"""
RED, BLUE = ("ra", "rb", "rd"), ("ba", "bb")


class Bridges:
    """The leaf, with kernel bridges where its data path would be."""

    def __init__(self, lab: LabPlan, netlink: object) -> None:
        self.lab = lab
        self._netlink: object = netlink

    def join(self, name: str, ports: tuple[str, ...]) -> None:
        """Make a bridge of these ports, taking them out of any other."""
        netlink = self._netlink
        netlink.link("add", ifname=name, kind="bridge")  # type: ignore[attr-defined]
        with links_of(self.lab.node("leaf").namespace) as links:
            for port in ports:
                self.set(port, master=links.index(name))
            links.up(name)
            deadline = time.monotonic() + 5
            while not links.passes_frames(name):
                assert time.monotonic() < deadline

    def set(self, port: str, **state: object) -> None:
        with links_of(self.lab.node("leaf").namespace) as links:
            index = links.index(port)
        self._netlink.link("set", index=index, **state)  # type: ignore[attr-defined]


@pytest.fixture
def bridges(
    fabric: Callable[..., FabricConfig], built: Callable[[FabricConfig], tuple[LabPlan, set[str]]]
) -> Iterator[Bridges]:
    from pyroute2 import IPRoute

    lab, _ = built(fabric(FABRIC))
    with netns.entered(lab.node("leaf").namespace):
        netlink = IPRoute()
    with netlink:
        yield Bridges(lab, netlink)


def wrong(verdicts: list[Verdict]) -> set[tuple[str, str, str]]:
    return {(verdict.source, verdict.destination, verdict.family) for verdict in verdicts if not verdict.ok}


def test_separate_networks_pass_in_every_family(bridges: Bridges) -> None:
    bridges.join("red", RED)
    bridges.join("blue", BLUE)
    verdicts = prove.verdicts(bridges.lab)
    assert wrong(verdicts) == set()
    found = {(verdict.source, verdict.destination, verdict.family): verdict for verdict in verdicts}
    assert found["red-a", "red-b", "ipv4"].reached == ("red-b",)
    assert found["red-a", "red-b", "broadcast"].reached == ("red-b", "red-d")
    assert found["red-a", "red-d", "ipv6"].got == "reach"
    assert ("red-a", "red-d", "ipv4") not in found
    assert found["red-a", "blue-b", "ipv4"].got == "isolated"
    # Blue's address is also red-a's: the packet arrives, but in its own tenant.
    assert found["red-b", "blue-a", "ipv4"].reached == ("red-a",)
    assert all(
        (verdict.rtt_ms is not None) == (verdict.expected == "reach")
        for verdict in verdicts
        if verdict.family != "broadcast"
    )


def test_nothing_connected_fails_every_pair_that_should_reach(bridges: Bridges) -> None:
    verdicts = prove.verdicts(bridges.lab)
    assert {pair for pair in wrong(verdicts) if pair[2] == "ipv6"} == {
        ("red-a", "red-b", "ipv6"),
        ("red-b", "red-a", "ipv6"),
        ("red-a", "red-d", "ipv6"),
        ("red-d", "red-a", "ipv6"),
        ("red-b", "red-d", "ipv6"),
        ("red-d", "red-b", "ipv6"),
        ("blue-a", "blue-b", "ipv6"),
        ("blue-b", "blue-a", "ipv6"),
    }
    assert not any(verdict.reached for verdict in verdicts if verdict.expected == "isolated")


def test_joined_networks_are_a_leak_that_names_who_received(bridges: Bridges) -> None:
    bridges.join("both", RED + BLUE)
    verdicts = prove.verdicts(bridges.lab)
    leaks = {verdict for verdict in verdicts if verdict.expected == "isolated" and not verdict.ok}
    assert {(leak.source, leak.destination) for leak in leaks} == {
        *((red, blue) for red in ("red-a", "red-b", "red-d") for blue in ("blue-a", "blue-b")),
        *((blue, red) for red in ("red-a", "red-b", "red-d") for blue in ("blue-a", "blue-b")),
    }
    assert all(leak.destination in leak.reached and leak.got == "reach" for leak in leaks)


def test_one_leaking_port_is_seen_for_its_host_only(bridges: Bridges) -> None:
    bridges.join("red", (*RED, "bb"))
    bridges.join("blue", ("ba",))
    verdicts = prove.verdicts(bridges.lab)
    isolated = {(v.source, v.destination) for v in verdicts if v.expected == "isolated" and not v.ok}
    assert isolated == {
        *((red, "blue-b") for red in ("red-a", "red-b", "red-d")),
        *(("blue-b", red) for red in ("red-a", "red-b", "red-d")),
    }


def test_a_dead_port_fails_the_pairs_of_its_host_and_no_others(bridges: Bridges) -> None:
    bridges.join("red", RED)
    bridges.join("blue", BLUE)
    bridges.set("rb", state="down")
    failed = wrong(prove.verdicts(bridges.lab))
    assert failed
    assert all("red-b" in pair[:2] for pair in failed)
    assert {("red-a", "red-b", "broadcast"), ("red-b", "red-a", "ipv4")} <= failed


def test_ping_measures_answers_in_both_families(bridges: Bridges) -> None:
    bridges.join("red", RED)
    echoes = list(prove.ping(bridges.lab, "red-a", "red-b", 2, None))
    assert [(echo.family, echo.address, echo.sequence) for echo in echoes] == [
        ("ipv4", "10.0.0.2", 1),
        ("ipv6", "2001:db8::2", 1),
        ("ipv4", "10.0.0.2", 2),
        ("ipv6", "2001:db8::2", 2),
    ]
    assert all(echo.ok and echo.rtt_ms is not None and echo.rtt_ms > 0 for echo in echoes)


def test_ping_says_when_there_is_no_answer(bridges: Bridges) -> None:
    (echo,) = prove.ping(bridges.lab, "red-a", "red-b", 1, "ipv6")
    assert (echo.ok, echo.rtt_ms, echo.error) == (False, None, "no answer")
