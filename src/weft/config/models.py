"""The shapes of host and fabric files: which keys there are, and of which type.

The models are the edge only: `build_host` and `build_fabric` turn them into the tree at once. Keys are written
with dashes in files. A default that depends on something else is None here and filled in there.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from weft.config.fields import (
    ONE_OR_MORE,
    REMOTE_SHAPE,
    Address,
    AnyPrefix,
    AsNumber,
    ControlWord,
    DataplaneWord,
    Distinguisher,
    EncapWord,
    FloodWord,
    HoldTime,
    InterfaceName,
    Loopbacks,
    Mtu,
    Name,
    RemoteAs,
    RouterId,
    Seconds,
    StationMac,
    Target,
    Text,
    TunnelAddress,
    TunnelPrefix,
    UdpPort,
    VniNumber,
    one_of,
)


class Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=lambda name: name.rstrip("_").replace("_", "-")
    )


Version = Annotated[int, Field(ge=1, le=1)]


class RouteTargetsModel(Model):
    import_: Annotated[list[Target], ONE_OR_MORE] | None = None
    export: Annotated[list[Target], ONE_OR_MORE] | None = None


class RemoteModel(Model):
    address: TunnelAddress
    encap: EncapWord | None = None
    key: VniNumber | None = None


Remotes = list[Annotated[RemoteModel, REMOTE_SHAPE]]


class PinnedHostModel(Model):
    mac: StationMac
    ip: Address | None = None
    remote: TunnelAddress


class PortModel(Model):
    name: InterfaceName


class FabricNetworkModel(Model):
    """A network as a fabric states it: its ports come from links, its remotes from the nodes."""

    vni: VniNumber
    encap: EncapWord | None = None
    control: ControlWord | None = None
    mtu: Mtu | None = None
    learn: bool = True
    ageing: Seconds = 300.0
    route_targets: RouteTargetsModel = RouteTargetsModel()
    hosts: list[PinnedHostModel] = []


class NetworkModel(FabricNetworkModel):
    remotes: Remotes | None = None
    ports: list[PortModel] = []
    rd: Distinguisher | None = None


class TenantModel(Model):
    networks: dict[Name, NetworkModel] = {}


class UnderlayModel(Model):
    interfaces: Annotated[list[InterfaceName], ONE_OR_MORE] = []
    address: Annotated[list[TunnelAddress], ONE_OR_MORE, Field(min_length=1)]
    mtu: Mtu | None = None
    allowed_sources: Annotated[list[TunnelPrefix], ONE_OR_MORE] = []


class UdpPortsModel(Model):
    vxlan: UdpPort = 4789


class VtepModel(Model):
    dataplane: DataplaneWord = "ebpf"
    encap: EncapWord = "vxlan"
    control: ControlWord | None = None
    flood: FloodWord = "ingress-replication"
    remotes: Remotes = []
    udp_ports: UdpPortsModel = UdpPortsModel()
    strict: bool = False


class NeighborModel(Model):
    peer: Address
    remote_as: RemoteAs
    local_address: Address | None = None
    passive: bool = False
    route_reflector_client: bool = False
    hold_time: HoldTime | None = None
    connect_retry: Seconds = 5.0
    port: UdpPort = 179
    description: Text = ""


class BgpModel(Model):
    asn: AsNumber
    router_id: RouterId | None = None
    cluster_id: RouterId | None = None
    port: UdpPort = 179
    listen: bool = True
    hold_time: HoldTime = 90
    neighbors: list[NeighborModel] = []


class AgentModel(Model):
    socket: Text | None = None
    state_dir: Text | None = None
    on_exit: Annotated[str, one_of(("keep", "remove"))] = "keep"


class HostModel(Model):
    version: Version
    kind: Literal["host"]
    name: Name
    underlay: UnderlayModel
    vtep: VtepModel | None = None
    bgp: BgpModel | None = None
    tenants: dict[Name, TenantModel] = {}
    agent: AgentModel = AgentModel()


class OverlayModel(Model):
    encap: EncapWord = "vxlan"
    control: ControlWord = "evpn"
    flood: FloodWord = "ingress-replication"


class FabricBgpModel(Model):
    asn: AsNumber = Field(default=65000, validate_default=True)


class DefaultsModel(Model):
    mtu: Mtu = 9216
    overlay: OverlayModel = OverlayModel()
    bgp: FabricBgpModel = FabricBgpModel()
    loopbacks: Loopbacks = Field(default="10.255.0.0/24", validate_default=True)


class NodeModel(Model):
    group: Annotated[str, one_of(("spine", "leaf", "host"))]
    kind: Annotated[str, one_of(("weft",), ("frr", "gobgp", "exabgp", "ovs", "linux"))] = "weft"
    address: Annotated[list[AnyPrefix], ONE_OR_MORE] = []
    mac: StationMac | None = None


class LinkModel(Model):
    endpoints: Annotated[list[Text], Field(min_length=2, max_length=2)]
    network: Name | None = None


class FabricTenantModel(Model):
    networks: dict[Name, FabricNetworkModel] = {}


class FabricModel(Model):
    version: Version
    kind: Literal["fabric"]
    name: Name
    defaults: DefaultsModel = DefaultsModel()
    nodes: dict[Name, NodeModel]
    links: list[LinkModel] = []
    tenants: dict[Name, FabricTenantModel] = {}
