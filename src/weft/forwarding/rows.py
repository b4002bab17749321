"""Forwarding rows: what control planes write and data planes carry out.

Every row is immutable and names itself by `.key`, unique within its table. A bridge table is named by its VNI.
MAC rows hold only a next-hop id: when a VTEP is lost or its encapsulation changes, one next-hop row is written,
however many addresses lie behind it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

from msgspec import Struct

from weft.forwarding.flowhash import DEFAULT_SEED
from weft.values import Encap, Ip, Mac, Prefix


class VtepSettings(Struct, frozen=True, gc=False):
    """What holds for the whole VTEP; one row. `strict`: refuse reserved VXLAN bits that are set."""

    udp_port: int = 4789
    strict: bool = False
    hash_seed: int = DEFAULT_SEED

    @property
    def key(self) -> int:
        return 0


class Vap(Struct, frozen=True, gc=False):
    """An attachment point: untagged frames of interface `ifindex` belong to bridge table `bridge`."""

    ifindex: int
    bridge: int
    name: str
    peer_reachable: bool
    """The interface is one end of a veth whose other end is in another namespace: frames may be put
    straight into that end."""

    @property
    def key(self) -> int:
        return self.ifindex


class Bridge(Struct, frozen=True, gc=False):
    """A bridge table, named by its VNI. `learn`: source addresses seen on ports are learned."""

    bridge: int
    name: str
    learn: bool
    ageing_s: float

    @property
    def key(self) -> int:
        return self.bridge


class LocalAddress(Struct, frozen=True, gc=False):
    """An address of this VTEP: tunnel packets sent to it are ours to decapsulate or to refuse."""

    address: Ip

    @property
    def key(self) -> Ip:
        return self.address


class UnderlayPort(Struct, frozen=True, gc=False):
    """An interface on which tunnel packets are accepted; `mac` is its own address."""

    ifindex: int
    mac: Mac

    @property
    def key(self) -> int:
        return self.ifindex


class ClosedPort(Struct, frozen=True, gc=False):
    """An interface on which nothing may arrive: whatever does is dropped."""

    ifindex: int

    @property
    def key(self) -> int:
        return self.ifindex


class Tunnel(Struct, frozen=True, gc=False):
    """The tunnel to one remote VTEP in one encapsulation. `ttl` is the outer hop limit."""

    encap: Encap
    remote: Ip
    local: Ip
    ttl: int = 64

    @property
    def key(self) -> tuple[Encap, Ip]:
        return (self.encap, self.remote)


class Path(Struct, frozen=True, gc=False, order=True):
    """One way towards an underlay address: the interface and both MACs of the first hop."""

    ifindex: int
    src_mac: Mac
    dst_mac: Mac


class UnderlayRoute(Struct, frozen=True, gc=False):
    """All equal-cost ways to a remote VTEP, sorted; empty: unreachable. `mtu`: IP MTU of the path in octets."""

    remote: Ip
    mtu: int
    paths: tuple[Path, ...]

    @property
    def key(self) -> Ip:
        return self.remote


class Target(Struct, frozen=True, gc=False, order=True):
    """A tunnel and the key (VNI on the wire) that the remote end expects in it."""

    encap: Encap
    remote: Ip
    key: int

    @property
    def tunnel(self) -> tuple[Encap, Ip]:
        return (self.encap, self.remote)


class NextHop(Struct, frozen=True, gc=False):
    """Where rows point: one target, or several among which the flow hash chooses."""

    id: int
    targets: tuple[Target, ...]

    @property
    def key(self) -> int:
        return self.id


class MacSource(IntEnum):
    """Who says where a MAC is, by rank: the lower number wins (static > local > EVPN > learned)."""

    STATIC = 0
    LOCAL = 1
    EVPN = 2
    LEARNED = 3


class MacRow(Struct, frozen=True, gc=False):
    """A written MAC address behind a next hop. `pinned`: it may not be learned anywhere else."""

    bridge: int
    mac: Mac
    nexthop: int
    source: MacSource
    pinned: bool = False
    sequence: int = 0

    @property
    def key(self) -> tuple[int, Mac]:
        return (self.bridge, self.mac)


PORT_GROUP = 0
"""Split-horizon group of local ports: a frame may go from any of them to any other."""
MESH_GROUP = 1
"""Split-horizon group of a full mesh of tunnels: a frame from one never goes to another (RFC 7432 section 8.3)."""


class FloodMember(Struct, frozen=True, gc=False, order=True):
    """One receiver of broadcast, unknown-unicast and multicast frames: a local port or a tunnel target."""

    group: int
    ifindex: int = 0
    target: Target | None = None


class FloodList(Struct, frozen=True, gc=False):
    """Every receiver of flooded frames of a bridge table, ports first, in the order copies are sent."""

    bridge: int
    members: tuple[FloodMember, ...]

    @property
    def key(self) -> int:
        return self.bridge


class Accept(Struct, frozen=True, gc=False):
    """The closed tunnel: packets from `remote` with `key` belong to `bridge`; any other is refused.

    `nexthop`: learn source addresses as behind this next hop; 0: do not learn from this tunnel.
    """

    encap: Encap
    remote: Ip
    wire_key: int
    bridge: int
    group: int
    nexthop: int = 0

    @property
    def key(self) -> tuple[Encap, Ip, int]:
        return (self.encap, self.remote, self.wire_key)


class WireKey(Struct, frozen=True, gc=False):
    """A tunnel key that this VTEP answers to, whoever sends it."""

    encap: Encap
    wire_key: int
    bridge: int

    @property
    def key(self) -> tuple[Encap, int]:
        return (self.encap, self.wire_key)


class AllowedSource(Struct, frozen=True, gc=False):
    """Outer sources accepted for every network beside the known remotes (`underlay.allowed-sources`)."""

    prefix: Prefix

    @property
    def key(self) -> Prefix:
        return self.prefix


Row: TypeAlias = (
    VtepSettings
    | Vap
    | Bridge
    | LocalAddress
    | UnderlayPort
    | ClosedPort
    | Tunnel
    | UnderlayRoute
    | NextHop
    | MacRow
    | FloodList
    | Accept
    | WireKey
    | AllowedSource
)

TABLES: tuple[type[Row], ...] = (
    VtepSettings,
    Bridge,
    LocalAddress,
    UnderlayPort,
    ClosedPort,
    AllowedSource,
    WireKey,
    UnderlayRoute,
    Tunnel,
    NextHop,
    Accept,
    MacRow,
    FloodList,
    Vap,
)
"""Every table, in the order in which rows are written: what is pointed at comes before what points."""
