"""A whole lab with its agents: woven, proved, repaired after a crash, left alone if nothing changed, and removed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from weft.config.tree import FabricConfig
from weft.host import netns
from weft.lab import agents, prove, weave
from weft.lab.plan import LabPlan

pytestmark = pytest.mark.root

FABRIC = """
nodes:
  spine1: {group: spine}
  spine2: {group: spine}
  leaf1: {group: leaf}
  leaf2: {group: leaf}
  red-a: {group: host, address: [10.0.0.1/24]}
  red-b: {group: host, address: [10.0.0.2/24]}
  blue-a: {group: host, address: [10.0.0.1/24]}
  blue-b: {group: host, address: [10.0.0.3/24]}
links:
  - endpoints: ["leaf*", "spine*"]
  - {endpoints: ["red-a:eth0", "leaf1:swp1"], network: red}
  - {endpoints: ["red-b:eth0", "leaf2:swp1"], network: red}
  - {endpoints: ["blue-a:eth0", "leaf1:swp2"], network: blue}
  - {endpoints: ["blue-b:eth0", "leaf2:swp2"], network: blue}
tenants:
  red: {networks: {red: {vni: 100}}}
  blue: {networks: {blue: {vni: 200}}}
"""


def up(config: FabricConfig) -> LabPlan:
    return weave.up(config, lambda *_: None)


def assert_as_expected(lab: LabPlan) -> None:
    assert [verdict for verdict in prove.verdicts(lab) if not verdict.ok] == []


def test_a_lab_comes_up_is_repaired_and_goes_down(fabric: Callable[..., FabricConfig], run_dir: Path) -> None:
    config = fabric(FABRIC)
    lab = up(config)
    assert_as_expected(lab)
    first = agents.processes(lab.name)
    assert set(first) == {"spine1", "spine2", "leaf1", "leaf2"}
    assert all(os.getsid(pids[0]) == pids[0] for pids in first.values())

    up(config)
    assert agents.processes(lab.name) == first

    os.kill(first["leaf1"][0], signal.SIGKILL)
    up(config)
    repaired = agents.processes(lab.name)
    assert repaired.pop("leaf1") != first.pop("leaf1")
    assert repaired == first
    assert_as_expected(lab)

    networks = tuple(msgspec.structs.replace(network, mtu=1400) for network in config.networks)
    assert_as_expected(up(msgspec.structs.replace(config, networks=networks)))
    spines = agents.processes(lab.name)
    assert (spines["spine1"], spines["spine2"]) == (first["spine1"], first["spine2"])

    assert weave.down(lab.name)
    assert agents.processes(lab.name) == {}
    assert not any(netns.exists(node.namespace) for node in lab.nodes)
    assert list((run_dir / "labs").iterdir()) == []
    assert str(run_dir) not in Path("/proc/self/mountinfo").read_text()


def test_two_labs_live_side_by_side(fabric: Callable[..., FabricConfig]) -> None:
    one, other = up(fabric(FABRIC)), up(fabric(FABRIC, "b"))
    assert_as_expected(one)
    assert weave.down(one.name)
    assert_as_expected(other)


def test_a_static_fabric_needs_no_control_plane(fabric: Callable[..., FabricConfig]) -> None:
    lab = up(fabric(FABRIC + "defaults: {overlay: {control: static}}\n"))
    assert set(agents.processes(lab.name)) == {"leaf1", "leaf2"}
    assert_as_expected(lab)
