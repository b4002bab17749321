"""Model of a fabric file -> FabricConfig: links expanded, networks with defaults, and every check across them."""

from __future__ import annotations

from typing import cast

from weft.config.build_host import OWN_NAME, OWN_VNI, check_mtu, derived_targets
from weft.config.expand_links import expand_links
from weft.config.models import FabricModel, FabricNetworkModel, NodeModel
from weft.config.report import Report
from weft.config.tree import Control, FabricConfig, FabricNetwork, Group, Link, NodeConfig
from weft.config.yaml12 import Path
from weft.values import Encap, Ip

FIRST_SPINE = 1
FIRST_LEAF = 11
"""Spines get .1, .2 … and leaves .11, .12 … of the loopbacks."""


def build_fabric(model: FabricModel, words: object, report: Report) -> FabricConfig:
    """The tree of a fabric file; `words` are its plain values. What does not go together is reported."""
    nodes = tuple(_node(name, node, report) for name, node in model.nodes.items())
    networks = _networks(model, words, report)
    links = expand_links(model.links, nodes, {network.name for network in networks}, report)
    _check_loopbacks(model, nodes, report)
    _check_hosts(nodes, links, networks, report)
    return FabricConfig(
        name=model.name,
        mtu=model.defaults.mtu,
        encap=Encap(model.defaults.overlay.encap),
        control=Control(model.defaults.overlay.control),
        asn=model.defaults.bgp.asn,
        loopbacks=model.defaults.loopbacks,
        nodes=nodes,
        links=links,
        networks=networks,
    )


def _node(name: str, node: NodeModel, report: Report) -> NodeConfig:
    group = Group(node.group)
    if group is not Group.HOST:
        for key, value in (("address", node.address), ("mac", node.mac)):
            if value:
                report.clash(("nodes", name, key), f"only hosts take {key}", "spines and leaves use defaults.loopbacks")
    return NodeConfig(name=name, group=group, kind=node.kind, addresses=tuple(node.address), mac=node.mac)


def _networks(model: FabricModel, words: object, report: Report) -> tuple[FabricNetwork, ...]:
    tenants_of: dict[str, str] = {}
    names_of: dict[int, str] = {}
    networks = []
    for tenant_name, tenant in model.tenants.items():
        for name, stated in tenant.networks.items():
            path: Path = ("tenants", tenant_name, "networks", name)
            if name in tenants_of:
                report.clash(path, f"tenant {tenants_of[name]} has a network of this name", OWN_NAME)
            if stated.vni in names_of:
                report.clash((*path, "vni"), f"{stated.vni} is already the VNI of {names_of[stated.vni]}", OWN_VNI)
            tenants_of.setdefault(name, tenant_name)
            names_of.setdefault(stated.vni, name)
            networks.append(_network(model, name, tenant_name, stated, words, report))
    return tuple(networks)


def _network(
    model: FabricModel, name: str, tenant: str, stated: FabricNetworkModel, words: object, report: Report
) -> FabricNetwork:
    path: Path = ("tenants", tenant, "networks", name)
    overlay = model.defaults.overlay
    control = Control(stated.control or overlay.control)
    if stated.mtu is not None:
        check_mtu(stated.mtu, model.defaults.mtu, (*path, "mtu"), report)
    targets = stated.route_targets
    if control is Control.EVPN and (targets.import_ is None or targets.export is None):
        derived_targets(model.defaults.bgp.asn, stated.vni, (*path, "vni"), report)
    # The models have seen these values: they are a mapping of mappings.
    tenants = cast(dict[str, dict[str, dict[str, dict[str, object]]]], cast(dict[str, object], words)["tenants"])
    return FabricNetwork(
        name=name,
        tenant=tenant,
        vni=stated.vni,
        encap=Encap(stated.encap or overlay.encap),
        control=control,
        mtu=stated.mtu,
        settings=dict(tenants[tenant]["networks"][name]),
    )


def _check_loopbacks(model: FabricModel, nodes: tuple[NodeConfig, ...], report: Report) -> None:
    """See that every spine and leaf gets an address of its own."""
    spines = sum(node.group is Group.SPINE for node in nodes)
    leaves = sum(node.group is Group.LEAF for node in nodes)
    pool = model.defaults.loopbacks
    # The last address of the pool is its broadcast address.
    room = 2 ** (32 - pool.length) - 2
    last = FIRST_LEAF + leaves - 1 if leaves else FIRST_SPINE + spines - 1
    if spines > FIRST_LEAF - FIRST_SPINE:
        report.clash(("nodes",), f"{spines} spines: there is room for {FIRST_LEAF - FIRST_SPINE}", "use fewer spines")
    elif last > room:
        report.clash(
            ("defaults", "loopbacks"),
            f"{pool} is too small: {spines} spines and {leaves} leaves go up to address .{last}",
            "spines get .1, .2 …, leaves .11, .12 …: use a shorter prefix such as 10.255.0.0/24",
        )


def _check_hosts(
    nodes: tuple[NodeConfig, ...], links: tuple[Link, ...], networks: tuple[FabricNetwork, ...], report: Report
) -> None:
    """See that a tenant's hosts do not share an address."""
    tenant_of = {network.name: network.tenant for network in networks}
    host_network = {node: link.network for link in links for node in (link.a_node, link.b_node)}
    owners: dict[tuple[str, Ip], str] = {}
    for node in nodes:
        tenant = tenant_of.get(host_network.get(node.name) or "")
        if node.group is not Group.HOST or tenant is None:
            continue
        for index, address in enumerate(node.addresses):
            owner = owners.setdefault((tenant, address.ip), node.name)
            if owner != node.name:
                report.clash(
                    ("nodes", node.name, "address", index),
                    f"{address.ip} is already the address of {owner} in tenant {tenant}",
                    "only different tenants may use the same address",
                )
