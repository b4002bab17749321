"""The ordinary `kind: host` files that the agents of a lab run with: pure, plain dicts and their YAML text."""

from __future__ import annotations

from collections import defaultdict

import yaml

from weft.config.tree import Control, FabricConfig, FabricNetwork, Group
from weft.values import Ip

# Keys of a fabric's network that a host file takes as they are.
_PASSED_ON = ("ageing", "learn", "route-targets")

HostFile = dict[str, object]


def host_files(fabric: FabricConfig, loopbacks: dict[str, Ip]) -> dict[str, HostFile]:
    """The host files of spines and leaves. Spines reflect and hold no VNI; leaves are VTEPs.

    A spine of a fabric without EVPN only routes the underlay: it needs no agent and is left out.
    """
    ports = _ports(fabric)
    evpn = any(network.control is Control.EVPN for network in fabric.networks)
    groups = {node.name: node.group for node in fabric.nodes}
    files: dict[str, HostFile] = {}
    for name, loopback in loopbacks.items():
        work: HostFile = {"bgp": _bgp(fabric, loopbacks, name, groups[name])} if evpn else {}
        if groups[name] is Group.LEAF:
            work["vtep"] = {"dataplane": "ebpf", "encap": str(fabric.encap), "control": str(fabric.control)}
            work["tenants"] = _tenants(fabric, loopbacks, name, ports)
        if work:
            underlay = {"interfaces": _underlay(fabric, name), "address": str(loopback), "mtu": fabric.mtu}
            files[name] = {"version": 1, "kind": "host", "name": name, "underlay": underlay, **work}
    return files


def to_yaml(host_file: HostFile) -> str:
    """The file's text. MACs and route targets are quoted, so that YAML 1.1 readers do not take them for numbers."""
    return yaml.dump(host_file, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=110)


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if ":" in text else None)


_Dumper.add_representer(str, _text)


def _underlay(fabric: FabricConfig, name: str) -> list[str]:
    """The node's ports to other spines and leaves."""
    hosts = {node.name for node in fabric.nodes if node.group is Group.HOST}
    ports = []
    for link in fabric.links:
        if link.a_node == name and link.b_node not in hosts:
            ports.append(link.a_port)
        if link.b_node == name and link.a_node not in hosts:
            ports.append(link.b_port)
    return ports


def _ports(fabric: FabricConfig) -> dict[str, dict[str, list[str]]]:
    """network -> leaf -> the leaf's ports to hosts of that network."""
    groups = {node.name: node.group for node in fabric.nodes}
    ports: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for link in fabric.links:
        if link.network is None:
            continue
        for node, port in ((link.a_node, link.a_port), (link.b_node, link.b_port)):
            if groups[node] is not Group.HOST:
                ports[link.network][node].append(port)
    return ports


def _bgp(fabric: FabricConfig, loopbacks: dict[str, Ip], name: str, group: Group) -> HostFile:
    """iBGP: leaves peer with the spines, which reflect (RFC 4456). Without spines, leaves peer with each other."""
    spines = [node.name for node in fabric.nodes if node.group is Group.SPINE]
    leaves = [node.name for node in fabric.nodes if node.group is Group.LEAF]
    reflects = group is Group.SPINE
    peers = leaves if reflects else spines or [leaf for leaf in leaves if leaf != name]
    own = str(loopbacks[name])
    neighbors = []
    for peer in peers:
        neighbor: HostFile = {
            "peer": str(loopbacks[peer]),
            "remote-as": fabric.asn,
            "local-address": own,
            "description": peer,
        }
        neighbors.append(neighbor | {"route-reflector-client": True} if reflects else neighbor)
    return {"asn": fabric.asn, "router-id": own, "neighbors": neighbors}


def _tenants(
    fabric: FabricConfig, loopbacks: dict[str, Ip], name: str, ports: dict[str, dict[str, list[str]]]
) -> HostFile:
    """The networks that the leaf has ports in, below their tenants."""
    tenants: dict[str, HostFile] = {}
    for network in fabric.networks:
        here = ports[network.name].get(name)
        if not here:
            continue
        entry = _network(fabric, network)
        if network.control is not Control.EVPN:
            others = [leaf for leaf in ports[network.name] if leaf != name]
            entry["remotes"] = [str(loopbacks[leaf]) for leaf in others]
        entry["ports"] = [{"name": port} for port in here]
        tenants.setdefault(network.tenant, {})[network.name] = entry
    return {tenant: {"networks": networks} for tenant, networks in tenants.items()}


def _network(fabric: FabricConfig, network: FabricNetwork) -> HostFile:
    entry: HostFile = {"vni": network.vni}
    if network.encap is not fabric.encap:
        entry["encap"] = str(network.encap)
    if network.control is not fabric.control:
        entry["control"] = str(network.control)
    if network.mtu is not None:
        entry["mtu"] = network.mtu
    return entry | {key: network.settings[key] for key in _PASSED_ON if key in network.settings}
