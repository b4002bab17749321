"""Build a planned lab's namespaces, cables, addresses and routes.

Everything is brought to the planned state from whatever is there: nothing, the same lab, or what a killed run
left. What is right already is not touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from weft.host import netns
from weft.host.links import End, Interface, Links, links_of
from weft.lab.plan import Cable, LabPlan, NodePlan
from weft.values import Unavailable

_PASS_DEADLINE_S = 5.0
_POLL_S = 0.01


class Workbench:
    """The open namespaces of a lab; made by `opened`. `touched` names the nodes that are not as they were."""

    def __init__(self, lab: LabPlan, links: dict[str, Links], touched: set[str]) -> None:
        self._lab = lab
        self._links = links
        self.touched = touched

    def lay_cables(self) -> None:
        """Make every veth pair that is missing or wrong, and set all ports up."""
        seen = {namespace: links.interfaces() for namespace, links in self._links.items()}
        names = {node.namespace: node.name for node in self._lab.nodes}
        for cable in self._lab.cables:
            if not _is_laid(cable, seen):
                self._lay(cable)
                self.touched |= {names[cable.a.namespace], names[cable.b.namespace]}
        for node in self._lab.nodes:
            with netns.entered(node.namespace):
                netns.set_sysctls({f"net/ipv6/conf/{port}/disable_ipv6": "1" for port in node.tenant_ports})
            self._links[node.namespace].up("lo")
        for cable in self._lab.cables:
            for end in (cable.a, cable.b):
                self._links[end.namespace].up(end.port)
        self._wait_until_frames_pass()

    def address(self) -> None:
        """Give every node its addresses, then its routes."""
        for node in self._lab.nodes:
            links = self._links[node.namespace]
            for address in node.addresses:
                links.add_address(address.port, address.prefix)
            for route in node.routes:
                links.set_route(route.prefix, route.hops, route.source)

    def _wait_until_frames_pass(self) -> None:
        """The kernel takes a moment to see that both ends of a cable are up, and drops what is sent until then."""
        deadline = time.monotonic() + _PASS_DEADLINE_S
        waiting = [end for cable in self._lab.cables for end in (cable.a, cable.b)]
        while waiting := [end for end in waiting if not self._links[end.namespace].passes_frames(end.port)]:
            if time.monotonic() >= deadline:
                ports = ", ".join(f"{end.port} of {end.namespace}" for end in waiting)
                raise Unavailable(f"ports do not come up: {ports}")
            time.sleep(_POLL_S)

    def _lay(self, cable: Cable) -> None:
        for end in (cable.a, cable.b):
            self._links[end.namespace].delete(end.port)
        self._links[cable.a.namespace].add_veth(cable.a, cable.b)


@contextmanager
def opened(lab: LabPlan) -> Iterator[Workbench]:
    """Make the namespaces that are missing and open all of them. Raises PermissionMissing, Unavailable."""
    touched = {node.name for node in lab.nodes if _make_namespace(node)}
    with ExitStack() as stack:
        links = {node.namespace: stack.enter_context(links_of(node.namespace)) for node in lab.nodes}
        yield Workbench(lab, links, touched)


def remove_namespace(namespace: str) -> None:
    """Remove a namespace with its interfaces. Idempotent."""
    if netns.exists(namespace):
        # A process that somebody left inside keeps the namespace alive: the cables go in any case.
        with links_of(namespace) as links:
            for port in links.interfaces():
                if port != "lo":
                    links.delete(port)
    netns.delete(namespace)


def outdated(old: LabPlan, new: LabPlan) -> list[NodePlan]:
    """The nodes of `old` whose namespaces cannot stay: their addresses or their very being are not in `new`."""
    kept = {node.name: _core(node) for node in new.nodes}
    return [node for node in old.nodes if kept.get(node.name) != _core(node)]


def remove_outdated(old: LabPlan, new: LabPlan) -> None:
    """Remove outdated namespaces, and cables and routes that `new` does not have from those that stay."""
    gone = {node.namespace for node in outdated(old, new)}
    for namespace in gone:
        remove_namespace(namespace)
    for node in new.nodes:
        if node.namespace in gone or not netns.exists(node.namespace):
            continue
        with links_of(node.namespace) as links:
            for end in _ends(old, node.namespace) - _ends(new, node.namespace):
                links.delete(end.port)
            stale = {route.prefix for before in old.nodes if before.name == node.name for route in before.routes}
            for prefix in stale - {route.prefix for route in node.routes}:
                links.delete_route(prefix)


def _core(node: NodePlan) -> NodePlan:
    """The node without what can change while its namespace stays."""
    return msgspec.structs.replace(node, host_file=None, routes=(), tenant_ports=())


def _ends(lab: LabPlan, namespace: str) -> set[End]:
    return {end for cable in lab.cables for end in (cable.a, cable.b) if end.namespace == namespace}


def _make_namespace(node: NodePlan) -> bool:
    """True if it had to be made."""
    missing = not netns.exists(node.namespace)
    if missing:
        netns.delete(node.namespace)
        netns.create(node.namespace)
    with netns.entered(node.namespace):
        netns.set_sysctls(node.sysctls)
    return missing


def _is_laid(cable: Cable, seen: dict[str, dict[str, Interface]]) -> bool:
    return all(_is_right(end, seen[end.namespace].get(end.port)) for end in (cable.a, cable.b))


def _is_right(end: End, found: Interface | None) -> bool:
    return found is not None and found.mac == end.mac and found.mtu == end.mtu
