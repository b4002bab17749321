"""What the API shows: one function a noun, from the node's state to plain items. Keys are the public contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from weft.config.tree import Network
from weft.control import bgp as bgp_control
from weft.control import evpn as evpn_control
from weft.control.bgp import Route
from weft.forwarding.drops import COUNTER_MEANING, MEANING
from weft.forwarding.facts import Learned
from weft.forwarding.rows import FloodList, MacRow, NextHop, Tunnel
from weft.forwarding.snapshot import Snapshot
from weft.node.node import Node
from weft.values import Ip
from weft.wire.bgp import communities
from weft.wire.bgp.communities import TunnelType
from weft.wire.bgp.evpn import Imet, MacIp

Item = dict[str, Any]


def status(node: Node) -> list[Item]:
    problems = node.problems()
    lane = node.plane.capabilities.lane if node.plane is not None else None
    return [
        {
            "name": node.config.name,
            "dataplane": lane,
            "uptime_s": round(node.clock() - node.started, 3),
            "converged": not problems,
            "problems": problems,
        }
    ]


def mac(node: Node) -> list[Item]:
    """Local addresses as the data plane learned them, remote ones as written or learned."""
    if node.plane is None:
        return []
    rows = node.overlay.snapshot()
    networks = {int(network.vni): network for network in node.networks}
    written = rows.table(MacRow)
    now = node.clock()
    items = [_written_mac(networks[row.bridge], row, rows) for row in written.values()]
    items += [
        _learned_mac(node, networks[entry.bridge], entry, rows, now)
        for entry in node.plane.learned()
        if entry.bridge in networks and (entry.bridge, entry.mac) not in written
    ]
    return sorted(items, key=lambda item: (item["vni"], item["mac"]))


def _vteps(nexthop: int, rows: Snapshot) -> list[Item]:
    row = rows.table(NextHop).get(nexthop)
    targets = row.targets if row else ()
    return [{"address": str(t.remote), "encap": t.encap.value, "key": t.key} for t in targets]


def _mac_item(network: Network, address: str, vteps: list[Item], **more: Any) -> Item:
    return {
        "network": network.name,
        "vni": network.vni,
        "mac": address,
        "where": "remote" if vteps else "local",
        "port": None,
        "vtep": vteps[0]["address"] if vteps else None,
        "encap": sorted({vtep["encap"] for vtep in vteps}),
        "vteps": vteps,
        "esi": None,
        "age_s": None,
        "sequence": 0,
        "flags": [],
    } | more


def _written_mac(network: Network, row: MacRow, rows: Snapshot) -> Item:
    flags = ["pinned"] if row.pinned else []
    source = row.source.name.lower()
    vteps = _vteps(row.nexthop, rows)
    return _mac_item(network, str(row.mac), vteps, source=source, sequence=row.sequence, flags=flags)


def _learned_mac(node: Node, network: Network, entry: Learned, rows: Snapshot, now: float) -> Item:
    names = {interface.index: name for name, interface in node.interfaces.items()}
    sequence = node.evpn.local_sequence(entry.bridge, entry.mac) if node.evpn is not None else 0
    return _mac_item(
        network,
        str(entry.mac),
        _vteps(entry.place.nexthop, rows) if entry.place.nexthop else [],
        port=names.get(entry.place.ifindex),
        source="learned",
        age_s=round(max(0.0, now - entry.last_seen), 1),
        sequence=sequence,
    )


def vtep(node: Node) -> list[Item]:
    """Every remote VTEP, the networks shared with it, and whether the underlay leads there."""
    rows = node.overlay.snapshot()
    vnis: dict[Any, set[int]] = {}
    for flood in rows.table(FloodList).values():
        for member in flood.members:
            if member.target is not None:
                vnis.setdefault(member.target.tunnel, set()).add(flood.bridge)
    lane = node.plane.capabilities.lane if node.plane is not None else None
    return [
        {
            "address": str(tunnel.remote),
            "encap": tunnel.encap.value,
            "lane": lane,
            "vnis": sorted(vnis.get(tunnel.key, ())),
            "state": "up" if (route := node.routes.get(tunnel.remote)) and route.paths else "unreachable",
            "paths": len(route.paths) if route else 0,
        }
        for tunnel in sorted(rows.table(Tunnel).values(), key=lambda tunnel: tunnel.remote)
    ]


def port(node: Node) -> list[Item]:
    if node.plane is None:
        return []
    traffic = node.plane.port_counters()
    macs = Counter(entry.place.ifindex for entry in node.plane.learned())
    items = []
    for network in node.networks:
        for configured in network.ports:
            interface = node.interfaces.get(configured.name)
            counters = traffic.get(interface.index) if interface else None
            state = "missing" if interface is None else "up" if interface.up else "down"
            items.append(
                {
                    "name": configured.name,
                    "network": network.name,
                    "vlan": None,
                    "mtu": node.network_mtu(network),
                    "state": state,
                    "rx_packets": counters.rx_packets if counters else 0,
                    "tx_packets": counters.tx_packets if counters else 0,
                    "rx_octets": counters.rx_octets if counters else 0,
                    "tx_octets": counters.tx_octets if counters else 0,
                    "macs": macs[interface.index] if interface else 0,
                }
            )
    return items


def drops(node: Node) -> list[Item]:
    counts = node.plane.drops() if node.plane is not None else {}
    return [{"reason": r.word, "count": count, "meaning": MEANING[r]} for r, count in counts.items()]


def counters(node: Node) -> list[Item]:
    """Everything counted beside drops: the data plane's, BGP's and EVPN's."""
    items = []
    if node.plane is not None:
        items += [
            {"name": counter.word, "value": value, "meaning": COUNTER_MEANING[counter]}
            for counter, value in node.plane.counters().items()
        ]
    if node.speaker is not None:
        meanings = {str(reason): meaning for reason, meaning in bgp_control.MEANINGS.items()}
        items += [
            {"name": f"bgp-{name}", "value": value, "meaning": meanings.get(name, "")}
            for name, value in node.speaker.counters().items()
        ]
    if node.evpn is not None:
        items += [
            {"name": f"evpn-{reason}", "value": node.evpn.ignored[reason], "meaning": meaning}
            for reason, meaning in evpn_control.MEANINGS.items()
        ]
    return items


def bgp(node: Node) -> list[Item]:
    if node.speaker is None:
        return []
    return [
        {
            "peer": str(peer.peer),
            "remote_asn": peer.remote_asn,
            "state": peer.state.name.lower(),
            "uptime_s": round(peer.uptime_s, 1),
            "received": peer.received,
            "accepted": peer.accepted,
            "sent": peer.sent,
            "last_error": peer.last_error or None,
            "description": peer.description or None,
        }
        for peer in node.speaker.peers(node.clock())
    ]


def evpn(node: Node) -> Iterator[Item]:
    """Every route by type, RD and address, then by peer: made one by one, a table may be large."""
    routes = list(node.speaker.routes()) if node.speaker is not None else []
    routes.sort(key=lambda entry: (entry[0].key, entry[0].peer or Ip(bytes(4))))
    return (_route(node, route, best) for route, best in routes)


def _encap_word(number: int) -> str:
    try:
        return TunnelType(number).name.lower().replace("_", "-")
    except ValueError:
        return f"type-{number}"


def _route(node: Node, route: Route, best: bool) -> Item:
    nlri, attributes = route.nlri, route.attributes
    known = isinstance(nlri, MacIp | Imet)
    reach = nlri if isinstance(nlri, MacIp) else None
    mobility = communities.mac_mobility(attributes.ext_communities)
    router_mac = communities.router_mac(attributes.ext_communities)
    labels = [reach.label, reach.label2] if reach else [attributes.pmsi.label if attributes.pmsi else None]
    ip = reach.ip if reach else nlri.originator if isinstance(nlri, Imet) else None
    return {
        "type": route.octets[0],
        "rd": str(nlri.rd) if isinstance(nlri, MacIp | Imet) else None,
        "tag": nlri.tag if isinstance(nlri, MacIp | Imet) else None,
        "esi": str(reach.esi) if reach and not reach.esi.is_zero else None,
        "mac": str(reach.mac) if reach else None,
        "ip": str(ip) if ip else None,
        "prefix": None,
        "vnis": [label for label in labels if label is not None] if known else [],
        "nexthop": str(attributes.next_hop),
        "route_targets": [str(target) for target in communities.route_targets(attributes.ext_communities)],
        "encaps": [_encap_word(number) for number in communities.encapsulations(attributes.ext_communities)],
        "router_mac": str(router_mac) if router_mac else None,
        "sequence": mobility.sequence if mobility else 0,
        "sticky": mobility.sticky if mobility else False,
        "peer": str(route.peer) if route.peer else None,
        "best": best,
        "imported_by": list(node.evpn.imported_by(route.key)) if node.evpn is not None and best else [],
        "excluded": str(route.excluded) if route.excluded else None,
    }


NOUNS: dict[str, Callable[[Node], Iterable[Item]]] = {
    "status": status,
    "mac": mac,
    "vtep": vtep,
    "port": port,
    "drops": drops,
    "counters": counters,
    "bgp": bgp,
    "evpn": evpn,
}
