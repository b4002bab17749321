"""The little VTEP that the contract tests run on.

      port 1 ─┐                      ┌─ VTEP 10.0.0.2 (two paths)
      port 2 ─┤ network 5001 ── VTEP ├─ VTEP 10.0.0.3
      port 3 ─── network 5002        └─ VTEP 10.0.0.4 (unreachable)

Rows are made for given interface numbers, so that the same rows fit the fake and a namespace's real devices.
"""

from __future__ import annotations

from msgspec import Struct

from support.frames import mac
from weft.forwarding.rows import (
    MESH_GROUP,
    PORT_GROUP,
    Accept,
    AllowedSource,
    Bridge,
    ClosedPort,
    FloodList,
    FloodMember,
    LocalAddress,
    MacRow,
    MacSource,
    NextHop,
    Path,
    Row,
    Target,
    Tunnel,
    UnderlayPort,
    UnderlayRoute,
    Vap,
    VtepSettings,
    WireKey,
)
from weft.forwarding.snapshot import Snapshot
from weft.values import Encap, Ip, Mac, Prefix
from weft.wire import ethernet, ipv4, udp
from weft.wire.encap import vxlan

LOCAL = Ip.parse("10.0.0.1")
NEAR = Ip.parse("10.0.0.2")
FAR = Ip.parse("10.0.0.3")
LOST = Ip.parse("10.0.0.4")
STRANGER = Ip.parse("10.66.0.9")
ALLOWED = Ip.parse("10.77.0.9")
RED, BLUE = 5001, 5002
REMOTE_HOST, FAR_HOST, LOST_HOST, PINNED_HOST, EITHER_HOST = mac(0x201), mac(0x301), mac(0x401), mac(0x202), mac(0x501)


class Interfaces(Struct, frozen=True):
    """Interface indexes: three ports, two underlay interfaces with their MACs, one that must stay silent."""

    ports: tuple[int, int, int] = (11, 12, 13)
    underlay: tuple[int, int] = (21, 22)
    macs: tuple[Mac, Mac] = (mac(0xE1), mac(0xE2))
    closed: int = 31


def rows(at: Interfaces, *, learn_from_tunnels: bool = False, strict: bool = False, mtu: int = 1500) -> list[Row]:
    """Everything the VTEP in the picture needs."""

    def target(remote: Ip, key: int = RED) -> Target:
        return Target(Encap.VXLAN, remote, key)

    def nexthop(number: int) -> int:
        return number if learn_from_tunnels else 0

    paths = tuple(Path(at.underlay[i], at.macs[i], mac(0xF0 + i)) for i in (0, 1))
    port_members = tuple(FloodMember(PORT_GROUP, ifindex=port) for port in at.ports[:2])
    mesh = tuple(FloodMember(MESH_GROUP, target=target(remote)) for remote in (NEAR, FAR, LOST))
    return [
        VtepSettings(strict=strict),
        Bridge(RED, "red", learn=True, ageing_s=300.0),
        Bridge(BLUE, "blue", learn=True, ageing_s=300.0),
        LocalAddress(LOCAL),
        *(UnderlayPort(at.underlay[i], at.macs[i]) for i in (0, 1)),
        ClosedPort(at.closed),
        AllowedSource(Prefix.parse("10.77.0.0/16")),
        *(WireKey(Encap.VXLAN, bridge, bridge) for bridge in (RED, BLUE)),
        UnderlayRoute(NEAR, mtu, paths),
        UnderlayRoute(FAR, mtu, paths[:1]),
        UnderlayRoute(LOST, mtu, ()),
        *(Tunnel(Encap.VXLAN, remote, LOCAL) for remote in (NEAR, FAR, LOST)),
        NextHop(1, (target(NEAR),)),
        NextHop(2, (target(FAR),)),
        NextHop(3, (target(LOST),)),
        NextHop(4, (target(NEAR), target(FAR, 7777))),
        Accept(Encap.VXLAN, NEAR, RED, RED, MESH_GROUP, nexthop(1)),
        Accept(Encap.VXLAN, FAR, RED, RED, MESH_GROUP, nexthop(2)),
        Accept(Encap.VXLAN, NEAR, BLUE, BLUE, MESH_GROUP, nexthop(1)),
        MacRow(RED, REMOTE_HOST, 1, MacSource.EVPN),
        MacRow(RED, FAR_HOST, 2, MacSource.EVPN),
        MacRow(RED, LOST_HOST, 3, MacSource.EVPN),
        MacRow(RED, PINNED_HOST, 1, MacSource.STATIC, pinned=True),
        MacRow(RED, EITHER_HOST, 4, MacSource.EVPN),
        FloodList(RED, port_members + mesh),
        Vap(at.ports[0], RED, "p1", peer_reachable=False),
        Vap(at.ports[1], RED, "p2", peer_reachable=False),
        Vap(at.ports[2], BLUE, "p3", peer_reachable=False),
    ]


def snapshot(at: Interfaces, *, learn_from_tunnels: bool = False, strict: bool = False, mtu: int = 1500) -> Snapshot:
    return Snapshot.of(rows(at, learn_from_tunnels=learn_from_tunnels, strict=strict, mtu=mtu))


def rows_over_wires(at: Interfaces, *, learn_from_tunnels: bool = False, mtu: int = 1500) -> Snapshot:
    """Ports whose far ends are in another namespace, and no closed port (there is no such device here)."""
    rows = snapshot(at, learn_from_tunnels=learn_from_tunnels, mtu=mtu).rows()
    kept = [row for row in rows if not isinstance(row, ClosedPort | Vap)]
    bridges = zip(at.ports, (RED, RED, RED + 1), strict=True)
    return Snapshot.of([*kept, *(Vap(port, bridge, f"p{port}", peer_reachable=True) for port, bridge in bridges)])


def vxlan_packet(
    inner: bytes,
    at: Interfaces,
    *,
    src: Ip = NEAR,
    dst: Ip = LOCAL,
    vni: int = RED,
    tos: int = 0,
    flags: int = vxlan.FLAG_I,
) -> bytes:
    """A VXLAN packet as a remote VTEP sends it, arriving on the first underlay interface."""
    header = bytearray(vxlan.Vxlan(vni).pack())
    header[0] = flags
    length = udp.LENGTH + vxlan.LENGTH + len(inner)
    outer = ipv4.Ipv4(src=src, dst=dst, protocol=17, total_length=20 + length, tos=tos, df=True)
    link = ethernet.Ethernet(at.macs[0], mac(0xF0), ethernet.IPV4)
    return link.pack() + outer.pack() + udp.Udp(50000, 4789, length).pack() + bytes(header) + inner
