"""The `links` of a fabric: patterns made into pairs, ports given names, and what a link may join."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from weft.config.fields import is_interface_name
from weft.config.models import LinkModel
from weft.config.report import Report
from weft.config.tree import Group, Link, NodeConfig
from weft.config.yaml12 import Path

MAX_LINKS = 10_000


class _Endpoint(Struct, frozen=True):
    """One end as it is written, `node:port` or `node`; the node may be a pattern."""

    nodes: tuple[NodeConfig, ...]
    port: str | None

    def port_towards(self, peer: NodeConfig) -> str:
        """A port without a name takes the peer's name."""
        return peer.name if self.port is None else self.port


def expand_links(
    links: list[LinkModel], nodes: tuple[NodeConfig, ...], networks: set[str], report: Report
) -> tuple[Link, ...]:
    """Every link as a pair of ports, in the file's order. What cannot be joined is reported."""
    expansion = _Expansion(networks, report)
    for index, link in enumerate(links):
        path: Path = ("links", index)
        left, right = (
            _endpoint(text, nodes, (*path, "endpoints", end), report) for end, text in enumerate(link.endpoints)
        )
        for a, b in _pairs(left, right, path, report):
            expansion.add(
                Link(
                    a_node=a.name,
                    a_port=left.port_towards(b),
                    b_node=b.name,
                    b_port=right.port_towards(a),
                    network=link.network,
                ),
                (a, b),
                path,
            )
            if len(expansion.links) > MAX_LINKS:
                report.clash(path, f"more than {MAX_LINKS} links", "use fewer nodes")
                return tuple(expansion.links)
    return tuple(expansion.links)


def _endpoint(text: str, nodes: tuple[NodeConfig, ...], path: Path, report: Report) -> _Endpoint:
    name, colon, port = text.partition(":")
    found = tuple(node for node in nodes if fnmatchcase(node.name, name))
    if not found:
        what = "the pattern matches no node" if _is_pattern(name) else f"there is no node {name!r}"
        report.absent(path, what, f"nodes are {', '.join(node.name for node in nodes) or 'missing'}")
    return _Endpoint(found, port if colon else None)


def _is_pattern(name: str) -> bool:
    return any(c in name for c in "*?[")


def _pairs(left: _Endpoint, right: _Endpoint, path: Path, report: Report) -> Iterator[tuple[NodeConfig, NodeConfig]]:
    """Every pair of two different nodes, once."""
    if left.nodes == right.nodes and len(left.nodes) == 1:
        report.clash(path, f"{left.nodes[0].name} cannot be linked to itself", "name two nodes")
    seen: set[frozenset[str]] = set()
    for a in left.nodes:
        for b in right.nodes:
            pair = frozenset((a.name, b.name))
            if len(pair) == 2 and pair not in seen:
                seen.add(pair)
                yield a, b


class _Expansion:
    """The links so far, and what is taken: ports of nodes and the one network of a host."""

    def __init__(self, networks: set[str], report: Report) -> None:
        self.links: list[Link] = []
        self._networks = networks
        self._report = report
        self._ports: dict[tuple[str, str], Path] = {}
        self._host_network: dict[str, str] = {}

    def add(self, link: Link, nodes: tuple[NodeConfig, NodeConfig], path: Path) -> None:
        self.links.append(link)
        self._take_port(link.a_node, link.a_port, path, 0)
        self._take_port(link.b_node, link.b_port, path, 1)
        groups = sorted((node.group for node in nodes), key=lambda group: group is not Group.HOST)
        if groups[0] is not Group.HOST:
            if link.network is not None:
                self._report.clash((*path, "network"), "only a link to a host takes a network", "leave network out")
            return
        if groups[1] is not Group.LEAF:
            self._report.clash(path, f"{link.a_node} cannot be linked to {link.b_node}", "hosts are linked to leaves")
            return
        host = next(node for node in nodes if node.group is Group.HOST)
        self._join(host.name, link, path)

    def _take_port(self, node: str, port: str, path: Path, end: int) -> None:
        place: Path = (*path, "endpoints", end)
        if not is_interface_name(port):
            self._report.clash(
                place,
                f"{node} would get a port {port!r}, which is no interface name",
                "write node:port, at most 15 characters",
            )
        elif port == "lo":
            self._report.clash(place, f"{node} has the port lo already", "use another name")
        elif (node, port) in self._ports:
            line = self._report.line(self._ports[node, port])
            self._report.clash(
                place, f"the port {node}:{port} is already used by the link in line {line}", "name another port"
            )
        self._ports.setdefault((node, port), path)

    def _join(self, host: str, link: Link, path: Path) -> None:
        if link.network is None:
            self._report.absent(path, f"the link of host {host} needs a network", "add network: NAME")
            return
        if link.network not in self._networks:
            self._report.absent(
                (*path, "network"),
                f"there is no network {link.network!r}",
                f"networks are {', '.join(sorted(self._networks)) or 'missing'}",
            )
        other = self._host_network.setdefault(host, link.network)
        if other != link.network:
            self._report.clash(
                (*path, "network"), f"host {host} is already in network {other}", "a host has one network"
            )
