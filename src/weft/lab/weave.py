"""`weft lab up` and `weft lab down`, step by step."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from weft.config.tree import Control, FabricConfig, Group
from weft.host import netns
from weft.lab import agents, build, checks, probe, state
from weft.lab.plan import LabPlan, NodePlan, plan
from weft.values import WeftError

UNDERLAY_DEADLINE_S = 10.0
OVERLAY_DEADLINE_S = 30.0

Report = Callable[[str, str, float | None], None]
"""Called at the end of each step with its name, what came of it, and its duration in seconds."""


class NotConverged(WeftError):
    """The lab is built, but something in it does not come up. `details` are lines for a person."""

    def __init__(self, message: str, details: tuple[str, ...]) -> None:
        super().__init__(message)
        self.details = details


class NodeState(Struct, frozen=True):
    """One item of `weft lab ls`."""

    lab: str
    node: str
    group: str
    kind: str
    namespace: str
    pid: int | None
    state: str
    """up; stopped: the agent does not run; missing: there is no namespace."""


def up(fabric: FabricConfig, report: Report, overlay_deadline_s: float = OVERLAY_DEADLINE_S) -> LabPlan:
    """Bring a lab to what its fabric file says, from whatever is there. Idempotent.

    Raises InvalidValue, PermissionMissing, Unavailable before anything is built, NotConverged afterwards.
    """
    lab = plan(fabric)
    report("plan", _summary(lab), None)
    checks.require_lab_support(lab)
    with state.locked():
        _refuse_clashes(lab)
        _remove_changed(lab)
        state.record(lab)
        with build.opened(lab) as bench:
            with _timed(report, "links") as done:
                bench.lay_cables()
                done(f"{_count(len(lab.cables), 'veth pair')}")
            with _timed(report, "underlay") as done:
                bench.address()
                _check_underlay(lab)
                done("converged")
            touched = bench.touched
        with _timed(report, "overlay") as done:
            agents.ensure(lab, touched)
            _check_overlay(lab, overlay_deadline_s)
            done(_overlay_summary(lab))
    return lab


def down(name: str) -> bool:
    """Remove a lab and everything of it, and nothing else. Returns False if there is none of that name."""
    checks.require_capabilities(f"weft lab down {name}")
    with state.locked():
        if name not in state.labs():
            return False
        agents.stop(pid for pids in agents.processes(name).values() for pid in pids)
        lab = state.recorded(name)
        for node in lab.nodes if lab else ():
            build.remove_namespace(node.namespace)
        state.remove_lab_dir(name)
    return True


def node_states(name: str) -> list[NodeState]:
    """The nodes of a lab and how they are."""
    lab = state.recorded(name)
    running = agents.processes(name)
    return [_node_state(name, node, running) for node in (lab.nodes if lab else ())]


def find(*names: str) -> list[tuple[LabPlan, tuple[NodePlan, ...]]]:
    """The labs that have all these nodes (`NODE` or `LAB/NODE`), each with the nodes in that order."""
    found = []
    for lab_name in state.labs():
        lab = state.recorded(lab_name)
        nodes = {node.name: node for node in lab.nodes} if lab else {}
        nodes |= {f"{lab_name}/{name}": node for name, node in nodes.items()}
        if lab is not None and all(name in nodes for name in names):
            found.append((lab, tuple(nodes[name] for name in names)))
    return found


def _node_state(lab: str, node: NodePlan, running: dict[str, list[int]]) -> NodeState:
    pid = running[node.name][0] if node.name in running else None
    if not netns.exists(node.namespace):
        word = "missing"
    else:
        word = "stopped" if node.host_file is not None and pid is None else "up"
    return NodeState(lab, node.name, str(node.group), node.kind, node.namespace, pid, word)


def _refuse_clashes(lab: LabPlan) -> None:
    """`a` with node `b-c` and `a-b` with node `c` would share a namespace's name."""
    ours = {node.namespace for node in lab.nodes}
    for name in state.labs():
        other = state.recorded(name) if name != lab.name else None
        for node in other.nodes if other else ():
            if node.namespace in ours:
                raise WeftError(
                    f"lab {name} has a namespace {node.namespace} already: rename the lab or take {name} down"
                )


def _remove_changed(lab: LabPlan) -> None:
    """Remove what an earlier `up` of this lab built and the plan has no more, or has otherwise."""
    old = state.recorded(lab.name)
    if old is None:
        return
    running = agents.processes(lab.name)
    gone = build.outdated(old, lab)
    agents.stop(pid for node in gone for pid in running.get(node.name, []))
    for node in gone:
        state.remove_node_dir(lab.name, node.name)
    build.remove_outdated(old, lab)


def _check_underlay(lab: LabPlan) -> None:
    silent = probe.echo_mesh(lab.of(Group.SPINE, Group.LEAF), UNDERLAY_DEADLINE_S)
    if silent:
        details = tuple(f"{a} gets no answer from the loopback of {b}" for a, b in silent)
        raise NotConverged(f"the underlay of lab {lab.name} does not carry packets", details)


def _check_overlay(lab: LabPlan, deadline_s: float) -> None:
    failed = agents.wait_converged(lab, deadline_s)
    if not failed:
        return
    details = []
    for name, problems in failed.items():
        details += [f"{name}: {problem}" for problem in problems]
        details += [f"{name}: log: {line}" for line in agents.log_tail(lab.name, name)]
    names = ", ".join(failed)
    raise NotConverged(f"the overlay of lab {lab.name} has not converged on {names}", tuple(details))


def _summary(lab: LabPlan) -> str:
    groups = Counter(node.group for node in lab.nodes)
    parts = [
        _count(groups[Group.SPINE], "spine"),
        _count(groups[Group.LEAF], "leaf", "leaves"),
        _count(groups[Group.HOST], "host"),
        _count(len(lab.tenants), "tenant"),
        _count(len(lab.networks), "network"),
    ]
    return ", ".join(parts)


def _overlay_summary(lab: LabPlan) -> str:
    vteps = sum("vtep" in (node.host_file or {}) for node in lab.nodes)
    outcome = "EVPN converged" if lab.control is Control.EVPN else "converged"
    return f"{_count(vteps, 'VTEP')}, {_count(len(lab.networks), 'network')}, {outcome}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


@contextmanager
def _timed(report: Report, step: str) -> Iterator[Callable[[str], None]]:
    start = time.monotonic()
    yield lambda outcome: report(step, outcome, time.monotonic() - start)
