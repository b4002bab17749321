"""The typed tree that configuration becomes: immutable, checked, with every default filled in.

`weft.config.load_host` makes a `HostConfig`, `weft.config.load_fabric` a `FabricConfig`. Nothing below reads
YAML or text again: an address is an `Ip`, a network's route targets are worked out, a port belongs to its network.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from weft.values import Asn, Encap, Ip, Mac, Prefix, Rd, RouteTarget, Vni


class Control(StrEnum):
    """Where a network's remote addresses come from."""

    EVPN = "evpn"
    STATIC = "static"
    LEARN = "learn"


class Remote(Struct, frozen=True, kw_only=True):
    """A statically configured remote VTEP of one network."""

    address: Ip
    encap: Encap
    key: int
    """What the tunnel carries on the wire, in both directions; the VNI unless configured."""


class PinnedHost(Struct, frozen=True, kw_only=True):
    """A stated address of a tenant system behind a remote (`hosts:` of a network)."""

    mac: Mac
    ip: Ip | None
    remote: Ip


class PortConfig(Struct, frozen=True, kw_only=True):
    """A host interface that attaches tenant systems to a network, untagged."""

    name: str


class Network(Struct, frozen=True, kw_only=True):
    """One bridge domain: a tenant's Ethernet segment with its VNI."""

    name: str
    tenant: str
    vni: Vni
    encap: Encap
    control: Control
    mtu: int | None
    """Largest tenant IP packet in octets, as configured; None: what the underlay leaves."""
    learn: bool
    ageing_s: float
    remotes: tuple[Remote, ...]
    hosts: tuple[PinnedHost, ...]
    ports: tuple[PortConfig, ...]
    rd: Rd | None
    """None: router-id:index, given by the EVPN control plane."""
    import_targets: tuple[RouteTarget, ...]
    export_targets: tuple[RouteTarget, ...]


class Tenant(Struct, frozen=True, kw_only=True):
    name: str
    networks: tuple[Network, ...]


class Underlay(Struct, frozen=True, kw_only=True):
    interfaces: tuple[str, ...]
    """Tunnel packets are accepted on these only."""
    addresses: tuple[Ip, ...]
    """Tunnel sources; the first is the VTEP's address."""
    mtu: int | None
    """IP MTU of the underlay in octets; None: read from the interfaces."""
    allowed_sources: tuple[Prefix, ...]


class Vtep(Struct, frozen=True, kw_only=True):
    dataplane: str
    encap: Encap
    control: Control
    udp_port: int
    """Destination and listening port of VXLAN, 4789 unless configured."""
    strict: bool
    """Refuse reserved VXLAN bits that are set (RFC 7348 section 5 says: ignore them)."""


class Neighbor(Struct, frozen=True, kw_only=True):
    """A BGP neighbour."""

    peer: Ip
    remote_asn: Asn | None
    """None: any AS but our own (`remote-as: external`)."""
    local_address: Ip | None
    passive: bool
    route_reflector_client: bool
    hold_time_s: int
    connect_retry_s: float
    port: int
    description: str


class Bgp(Struct, frozen=True, kw_only=True):
    asn: Asn
    router_id: Ip
    cluster_id: Ip
    port: int
    listen: bool
    hold_time_s: int
    neighbors: tuple[Neighbor, ...]


class AgentSettings(Struct, frozen=True, kw_only=True):
    socket: str | None
    state_dir: str | None
    keep_on_exit: bool
    """`on-exit: keep` leaves the data path forwarding after a graceful stop."""


class HostConfig(Struct, frozen=True, kw_only=True):
    """One agent's configuration. A route reflector has `bgp` and neither `vtep` nor tenants."""

    name: str
    underlay: Underlay
    vtep: Vtep | None
    bgp: Bgp | None
    tenants: tuple[Tenant, ...]
    agent: AgentSettings

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(network for tenant in self.tenants for network in tenant.networks)


class Group(StrEnum):
    SPINE = "spine"
    LEAF = "leaf"
    HOST = "host"


class NodeConfig(Struct, frozen=True, kw_only=True):
    """A node of a fabric. Hosts are bare namespaces; spines and leaves of kind weft run an agent."""

    name: str
    group: Group
    kind: str
    addresses: tuple[Prefix, ...]
    mac: Mac | None


class Link(Struct, frozen=True, kw_only=True):
    """A cable between two ports; `network` names the overlay network if one end is a host."""

    a_node: str
    a_port: str
    b_node: str
    b_port: str
    network: str | None


class FabricNetwork(Struct, frozen=True, kw_only=True):
    """A network as the fabric file states it; `settings` are its own keys, in the words of a host file."""

    name: str
    tenant: str
    vni: Vni
    encap: Encap
    control: Control
    mtu: int | None
    settings: dict[str, object]


class FabricConfig(Struct, frozen=True, kw_only=True):
    """A whole lab. `links` has every pattern expanded; order is the file's order."""

    name: str
    mtu: int
    """IP MTU of the underlay links in octets."""
    encap: Encap
    control: Control
    asn: Asn
    loopbacks: Prefix
    nodes: tuple[NodeConfig, ...]
    links: tuple[Link, ...]
    networks: tuple[FabricNetwork, ...]
