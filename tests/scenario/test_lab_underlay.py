"""A lab's namespaces, cables and underlay: built, repaired, changed and removed; agents play no part here."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from weft.config.tree import FabricConfig
from weft.host import netns
from weft.host.links import links_of
from weft.lab import probe, prove, state, weave
from weft.lab.plan import LabPlan

pytestmark = pytest.mark.root

Fabric = Callable[..., FabricConfig]
Built = Callable[[FabricConfig], tuple[LabPlan, set[str]]]

TWO_BY_TWO = """
nodes:
  s1: {group: spine}
  s2: {group: spine}
  l1: {group: leaf}
  l2: {group: leaf}
  h1: {group: host, address: [10.0.0.1/24]}
links:
  - endpoints: ["l*", "s*"]
  - {endpoints: ["h1:eth0", "l1:swp1"], network: web}
tenants: {t: {networks: {web: {vni: 100}}}}
"""
ROUTERS = ("s1", "s2", "l1", "l2")


def silent(lab: LabPlan) -> list[tuple[str, str]]:
    return probe.echo_mesh([lab.node(name) for name in ROUTERS], 3.0)


def routed(lab: LabPlan, node: str) -> bool:
    """Whether the node has a route to 10.255.0.12, the loopback of l2."""
    with netns.entered(lab.node(node).namespace), open("/proc/thread-self/net/route") as file:
        wanted = int.from_bytes(bytes([10, 255, 0, 12]), sys.byteorder)
        return any(line.split()[1] == f"{wanted:08X}" for line in file)


def ours(lab: LabPlan) -> set[str]:
    return {name for name in netns.names() if name.startswith(f"weft-{lab.name}-")}


def test_every_loopback_reaches_every_other_from_the_first_packet(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))
    assert silent(lab) == []


def test_a_lost_cable_is_noticed(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))
    with links_of(lab.node("l1").namespace) as links:
        links.delete("s1")
    lost = probe.echo_mesh([lab.node(name) for name in ROUTERS], 0.5)
    assert ("s1", "l1") in lost
    assert ("l2", "s2") not in lost


def test_flows_between_leaves_use_both_spines(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))

    def forwarded(spine: str) -> int:
        with netns.entered(lab.node(spine).namespace), open("/proc/thread-self/net/dev") as file:
            return sum(int(line.split()[2]) for line in file.readlines()[2:] if "l2:" in line)

    before = {spine: forwarded(spine) for spine in ("s1", "s2")}
    for _ in range(32):  # each call has ports of its own; all on one side: 1 in 2**31
        assert all(echo.ok for echo in prove.ping(lab, "l1", "l2", 1, "ipv4"))
    assert all(forwarded(spine) > before[spine] for spine in ("s1", "s2"))


def test_building_again_touches_nothing(fabric: Fabric, built: Built) -> None:
    config = fabric(TWO_BY_TWO)
    lab, touched = built(config)
    assert touched == {"s1", "s2", "l1", "l2", "h1"}
    again, touched = built(config)
    assert (again, touched) == (lab, set())


def test_what_a_killed_run_left_is_repaired_and_the_rest_not_touched(fabric: Fabric, built: Built) -> None:
    config = fabric(TWO_BY_TWO)
    lab, _ = built(config)
    with links_of(lab.node("l1").namespace) as links:
        links.delete("s1")
    netns.delete(lab.node("h1").namespace)
    (netns.NETNS_DIR / lab.node("h1").namespace).touch()
    _, touched = built(config)
    assert touched == {"l1", "s1", "h1"}
    assert silent(lab) == []


def test_a_cable_with_another_mtu_is_laid_again(fabric: Fabric, built: Built) -> None:
    built(fabric(TWO_BY_TWO))
    lab, touched = built(fabric(TWO_BY_TWO.replace("vni: 100", "vni: 100, mtu: 1400")))
    assert touched == {"l1", "h1"}
    with links_of(lab.node("h1").namespace) as links:
        assert links.interfaces()["eth0"].mtu == 1400


def test_a_new_host_touches_its_leaf_only(fabric: Fabric, built: Built) -> None:
    built(fabric(TWO_BY_TWO))
    more = TWO_BY_TWO.replace("nodes:", "nodes:\n  h2: {group: host}")
    more = more.replace("links:", 'links:\n  - {endpoints: ["h2:eth0", "l2:swp1"], network: web}')
    lab, touched = built(fabric(more))
    assert touched == {"h2", "l2"}
    assert silent(lab) == []


def test_what_the_plan_has_no_more_is_removed(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))
    assert routed(lab, "l1")
    less = TWO_BY_TWO.replace("  l2: {group: leaf}\n", "")
    smaller, touched = built(fabric(less))
    assert touched == set()
    assert not netns.exists(lab.node("l2").namespace)
    with links_of(smaller.node("s1").namespace) as links:
        assert set(links.interfaces()) == {"lo", "l1"}
    (echo,) = prove.ping(lab, "s1", "l1", 1, "ipv4")
    assert echo.ok
    assert not routed(smaller, "l1")


def test_a_host_with_another_address_is_made_anew(fabric: Fabric, built: Built) -> None:
    built(fabric(TWO_BY_TWO))
    _, touched = built(fabric(TWO_BY_TWO.replace("10.0.0.1/24", "10.0.0.9/24")))
    assert touched == {"h1", "l1"}


def test_down_leaves_nothing_and_touches_no_other_lab(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))
    other, _ = built(fabric(TWO_BY_TWO, "-h"))  # its namespaces begin with the first one's prefix less a dash
    assert weave.down(lab.name)
    assert not any(netns.exists(node.namespace) for node in lab.nodes)
    assert state.labs() == [other.name]
    assert len(ours(other)) == 5
    assert silent(other) == []
    assert not weave.down(lab.name)


def test_a_namespace_that_somebody_holds_keeps_no_cables(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))
    with links_of(lab.node("l1").namespace) as held:
        assert {"s1", "s2", "swp1"} <= set(held.interfaces())
        assert weave.down(lab.name)
        assert set(held.interfaces()) == {"lo"}


def test_labs_whose_namespaces_would_share_a_name_are_refused(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO.replace("h1", "x-h1")))
    clash = fabric(TWO_BY_TWO, "-x")
    with pytest.raises(weave.WeftError, match=f"lab {lab.name} has a namespace"):
        weave.up(clash, lambda *_: None, 0.0)
    assert state.labs() == [lab.name]


def test_nodes_are_found_by_name_and_by_lab(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))
    other, _ = built(fabric(TWO_BY_TWO, "b"))
    assert [found.name for found, _ in weave.find("l1")] == [lab.name, other.name]
    assert weave.find(f"{lab.name}/l1", "h1") == [(lab, (lab.node("l1"), lab.node("h1")))]
    assert weave.find("l9") == []


def test_hosts_and_stopped_agents_and_missing_namespaces_are_listed_as_such(fabric: Fabric, built: Built) -> None:
    lab, _ = built(fabric(TWO_BY_TWO))
    netns.delete(lab.node("s2").namespace)
    states = {node.node: node.state for node in weave.node_states(lab.name)}
    assert states == {"s1": "stopped", "s2": "missing", "l1": "stopped", "l2": "stopped", "h1": "up"}
