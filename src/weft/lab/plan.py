"""From a fabric file to everything a lab consists of: pure, nothing is built here.

`plan(fabric)` works out namespaces, cables with MACs and MTUs, addresses, routes and each agent's host file. The
underlay is unnumbered: links carry IPv6 link-local addresses only, which follow from the MACs, so every next hop
is known before anything exists.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations

from msgspec import Struct

from weft.config.tree import Control, FabricConfig, FabricNetwork, Group, NodeConfig
from weft.host.links import End, NextHop, link_local
from weft.lab.hostfile import host_files
from weft.values import Encap, InvalidValue, Ip, Mac, Prefix

# Outer IPv4 header to inner Ethernet header, in octets: what an encapsulation takes from the underlay's MTU.
OVERHEAD_OCTETS = {Encap.VXLAN: 50, Encap.GENEVE: 50, Encap.NVGRE: 42, Encap.GRE: 42, Encap.STT: 72}
_FIRST_SPINE, _FIRST_LEAF = 1, 11

# A new namespace copies some of these from the machine (net.core.devconf_inherit_init_net): state them all.
_SYSCTLS = {
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    "net/ipv6/conf/default/addr_gen_mode": "0",
    # Duplicate address detection would keep a link-local address unusable for its first second or two.
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
}
_ROUTER_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # Hash ports too: VXLAN puts its flow entropy into the outer source port (RFC 7348 section 5).
    "net/ipv4/fib_multipath_hash_policy": "1",
}


class Cable(Struct, frozen=True):
    """A veth pair; `network` is the overlay network if one end is a host."""

    a: End
    b: End
    network: str | None


class Address(Struct, frozen=True):
    port: str
    prefix: Prefix


class Route(Struct, frozen=True):
    prefix: Prefix
    hops: tuple[NextHop, ...]
    source: Ip | None


class NodePlan(Struct, frozen=True):
    """One namespace and what is in it."""

    name: str
    group: Group
    kind: str
    namespace: str
    loopback: Ip | None
    """Of spines and leaves."""
    port: str | None
    """The port by which a host is attached; None for spines, leaves and hosts without a cable."""
    network: str | None
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]
    sysctls: dict[str, str]
    tenant_ports: tuple[str, ...]
    """A leaf's ports to hosts: they carry tenants' frames, so the leaf itself speaks no IPv6 there."""
    host_file: dict[str, object] | None
    """The agent's configuration; None where no agent runs."""


class LabPlan(Struct, frozen=True):
    name: str
    control: Control
    tenants: tuple[str, ...]
    networks: tuple[str, ...]
    nodes: tuple[NodePlan, ...]
    cables: tuple[Cable, ...]

    def node(self, name: str) -> NodePlan:
        """The node of that name. Raises InvalidValue."""
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise InvalidValue(f"lab {self.name} has no node {name!r}; it has {known}")

    def of(self, *groups: Group) -> tuple[NodePlan, ...]:
        """The nodes of these groups, in file order."""
        return tuple(node for node in self.nodes if node.group in groups)


class Pair(Struct, frozen=True):
    """An ordered pair of hosts and whether frames of the first may reach the second."""

    source: NodePlan
    destination: NodePlan
    reach: bool


def plan(fabric: FabricConfig) -> LabPlan:
    """Work out a lab. Raises InvalidValue for what cannot be built."""
    _refuse_foreign(fabric.nodes)
    loopbacks = _loopbacks(fabric)
    networks = {network.name: network for network in fabric.networks}
    cables = tuple(_cables(fabric, networks))
    files = host_files(fabric, loopbacks)
    routes = _routes(fabric.name, loopbacks, cables)
    nodes = []
    for node in fabric.nodes:
        if node.group is Group.HOST:
            nodes.append(_host(fabric.name, node, cables, networks))
        else:
            nodes.append(_router(fabric, node, loopbacks[node.name], routes[node.name], files.get(node.name)))
    return LabPlan(
        fabric.name,
        fabric.control,
        tuple(dict.fromkeys(network.tenant for network in fabric.networks)),
        tuple(networks),
        tuple(nodes),
        cables,
    )


def pairs(lab: LabPlan) -> tuple[Pair, ...]:
    """Every ordered pair of attached hosts: those of one network reach each other, all others are isolated."""
    hosts = [node for node in lab.of(Group.HOST) if node.port is not None]
    return tuple(Pair(a, b, a.network is not None and a.network == b.network) for a, b in permutations(hosts, 2))


def derived_mac(*names: str) -> Mac:
    """A locally administered unicast MAC that depends on the names only."""
    return Mac(b"\x02" + hashlib.sha256("/".join(names).encode()).digest()[:5])


def namespace(lab: str, node: str) -> str:
    return f"weft-{lab}-{node}"


def _refuse_foreign(nodes: tuple[NodeConfig, ...]) -> None:
    for node in nodes:
        if node.group is not Group.HOST and node.kind != "weft":
            raise InvalidValue(f"nodes.{node.name}.kind: this version builds weft nodes only, not {node.kind}")


def _loopbacks(fabric: FabricConfig) -> dict[str, Ip]:
    """Spines get .1, .2 …, leaves .11, .12 … of the loopback prefix, in file order."""
    base = int.from_bytes(fabric.loopbacks.network.ip.octets, "big")
    loopbacks = {}
    for group, first in ((Group.SPINE, _FIRST_SPINE), (Group.LEAF, _FIRST_LEAF)):
        names = [node.name for node in fabric.nodes if node.group is group]
        for number, name in enumerate(names, base + first):
            loopbacks[name] = Ip(number.to_bytes(4, "big"))
    return loopbacks


def _cables(fabric: FabricConfig, networks: dict[str, FabricNetwork]) -> Iterator[Cable]:
    nodes = {node.name: node for node in fabric.nodes}
    attached: set[str] = set()
    for link in fabric.links:
        ends = []
        for name, port in ((link.a_node, link.a_port), (link.b_node, link.b_port)):
            node = nodes[name]
            # A leaf's end keeps the underlay's MTU: lowered, veth would drop large frames of the host unseen.
            is_host = node.group is Group.HOST
            mtu = _host_mtu(fabric, networks, link.network) if is_host else fabric.mtu
            if is_host and name not in attached:
                mac = node.mac or derived_mac(fabric.name, name)
            else:
                mac = derived_mac(fabric.name, name, port)
            attached.add(name)
            ends.append(End(namespace(fabric.name, name), port, mac, mtu))
        yield Cable(ends[0], ends[1], link.network)


def _host_mtu(fabric: FabricConfig, networks: dict[str, FabricNetwork], name: str | None) -> int:
    if name is None:
        return fabric.mtu
    network = networks[name]
    return network.mtu or fabric.mtu - OVERHEAD_OCTETS[network.encap]


def _routes(lab: str, loopbacks: dict[str, Ip], cables: tuple[Cable, ...]) -> dict[str, tuple[Route, ...]]:
    """Routes to every other loopback by all shortest paths, per node."""
    names = {namespace(lab, name): name for name in loopbacks}
    ways: dict[str, list[tuple[str, NextHop]]] = defaultdict(list)
    for cable in cables:
        for here, far in ((cable.a, cable.b), (cable.b, cable.a)):
            if here.namespace in names and far.namespace in names:
                hop = NextHop(here.port, link_local(far.mac))
                ways[names[here.namespace]].append((names[far.namespace], hop))
    routes: dict[str, list[Route]] = {name: [] for name in loopbacks}
    for target, loopback in loopbacks.items():
        distance = _distances(target, ways)
        for name in loopbacks:
            if name == target:
                continue
            if name not in distance:
                raise InvalidValue(f"links: there is no path from {name} to {target}")
            hops = tuple(hop for peer, hop in ways[name] if distance[peer] == distance[name] - 1)
            routes[name].append(Route(Prefix(loopback, 32), hops, loopbacks[name]))
    return {name: tuple(found) for name, found in routes.items()}


def _distances(target: str, ways: dict[str, list[tuple[str, NextHop]]]) -> dict[str, int]:
    distance = {target: 0}
    queue = [target]
    for name in queue:
        for peer, _ in ways[name]:
            if peer not in distance:
                distance[peer] = distance[name] + 1
                queue.append(peer)
    return distance


def _router(
    fabric: FabricConfig,
    node: NodeConfig,
    loopback: Ip,
    routes: tuple[Route, ...],
    host_file: dict[str, object] | None,
) -> NodePlan:
    groups = {other.name: other.group for other in fabric.nodes}
    tenant_ports = []
    for link in fabric.links:
        for here, port, far in ((link.a_node, link.a_port, link.b_node), (link.b_node, link.b_port, link.a_node)):
            if here == node.name and groups[far] is Group.HOST:
                tenant_ports.append(port)
    return NodePlan(
        name=node.name,
        group=node.group,
        kind=node.kind,
        namespace=namespace(fabric.name, node.name),
        loopback=loopback,
        port=None,
        network=None,
        addresses=(Address("lo", Prefix(loopback, 32)),),
        routes=routes,
        sysctls=_SYSCTLS | _ROUTER_SYSCTLS,
        tenant_ports=tuple(tenant_ports),
        host_file=host_file,
    )


def _host(lab: str, node: NodeConfig, cables: tuple[Cable, ...], networks: dict[str, FabricNetwork]) -> NodePlan:
    """A host is a bare namespace; its addresses are on its first port, its default route is by the gateway."""
    own = namespace(lab, node.name)
    attached = [(end.port, cable.network) for cable in cables for end in (cable.a, cable.b) if end.namespace == own]
    port, network = attached[0] if attached else (None, None)
    addresses = tuple(Address(port, prefix) for prefix in node.addresses) if port else ()
    gateways = _gateways(networks[network]) if network else ()
    on_link = [gateway for gateway in gateways if any(gateway in address.prefix for address in addresses)]
    return NodePlan(
        name=node.name,
        group=node.group,
        kind="host",
        namespace=own,
        loopback=None,
        port=port,
        network=network,
        addresses=addresses,
        routes=tuple(Route(_anywhere(gateway), (NextHop(port, gateway),), None) for gateway in on_link if port),
        sysctls=_SYSCTLS,
        tenant_ports=(),
        host_file=None,
    )


def _gateways(network: FabricNetwork) -> tuple[Ip, ...]:
    stated = network.settings.get("gateway", [])
    texts = stated if isinstance(stated, list) else [stated]
    return tuple(Prefix.parse(str(text)).ip for text in texts)


def _anywhere(gateway: Ip) -> Prefix:
    return Prefix(Ip(bytes(len(gateway.octets))), 0)
