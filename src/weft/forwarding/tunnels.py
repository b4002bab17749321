"""Tunnel packets: how an inner frame is wrapped, and which packets are opened.

The tunnels are closed: a packet is opened only if interface, outer destination, encapsulation, VNI and outer
source are all expected. `open_packet` checks in this order, which decides the reason that is counted.
"""

from __future__ import annotations

from msgspec import Struct

from weft.forwarding import flowhash
from weft.forwarding.drops import Drop, Dropped
from weft.forwarding.rows import (
    MESH_GROUP,
    Accept,
    AllowedSource,
    LocalAddress,
    Path,
    Target,
    Tunnel,
    UnderlayPort,
    UnderlayRoute,
    WireKey,
)
from weft.forwarding.snapshot import Snapshot
from weft.values import Encap, Ip, Mac, Malformed, Truncated
from weft.wire import checksum, ecn, ethernet, ipv4, udp
from weft.wire.encap import vxlan

UNDERLAY_OCTETS = ipv4.LENGTH + udp.LENGTH + vxlan.LENGTH
"""What the underlay's IP MTU pays beyond the inner Ethernet frame: 36 octets (VXLAN over IPv4)."""
OUTER_OCTETS = ethernet.LENGTH + UNDERLAY_OCTETS
"""All headers in front of the inner frame: 50 octets."""


class Opened(Struct, frozen=True, gc=False):
    """A decapsulated frame and the bridge table it belongs to. `nexthop`: learn behind it, 0: do not learn."""

    bridge: int
    group: int
    nexthop: int
    outer_ecn: int
    frame: bytes


def build_packet(snapshot: Snapshot, target: Target, frame: bytes, flow: int) -> tuple[int, bytes]:
    """Wrap `frame` for `target`: (interface, octets). Raises Dropped: why it cannot be sent."""
    tunnel = snapshot.table(Tunnel).get(target.tunnel)
    route = snapshot.table(UnderlayRoute).get(target.remote)
    if tunnel is None or route is None or not route.paths:
        raise Dropped(Drop.NO_UNDERLAY_PATH)
    if len(frame) + UNDERLAY_OCTETS > route.mtu:
        raise Dropped(Drop.TOO_BIG)
    path = route.paths[flowhash.path_index(flow, len(route.paths))]
    return path.ifindex, _outer_headers(snapshot, tunnel, path, target.key, frame, flow) + frame


def _outer_headers(snapshot: Snapshot, tunnel: Tunnel, path: Path, key: int, frame: bytes, flow: int) -> bytes:
    """Outer DF is set and the identification 0 (RFC 6864); the UDP checksum is 0 (RFC 7348 section 5)."""
    ip = ipv4.Ipv4(
        src=tunnel.local,
        dst=tunnel.remote,
        protocol=ipv4.UDP,
        total_length=len(frame) + UNDERLAY_OCTETS,
        ttl=tunnel.ttl,
        tos=ecn.inner_ecn(frame),
        df=True,
    )
    datagram = udp.Udp(flowhash.source_port(flow), snapshot.settings.udp_port, len(frame) + udp.LENGTH + vxlan.LENGTH)
    link = ethernet.Ethernet(path.dst_mac, path.src_mac, ethernet.IPV4)
    return link.pack() + ip.pack() + datagram.pack() + vxlan.Vxlan(key).pack()


def open_packet(snapshot: Snapshot, port: UnderlayPort, packet: bytes) -> Opened | None:
    """Decapsulate a packet that arrived on an underlay port; None: not a tunnel packet for this VTEP.

    Raises Dropped: it is one, and it is dropped.
    """
    if not _is_for_vtep(snapshot, port, packet):
        return None
    _check_outer_ip(packet)
    total = packet[16] << 8 | packet[17]
    datagram, offset = udp.Udp.parse(packet, ethernet.LENGTH + ipv4.LENGTH)
    if datagram.length != total - ipv4.LENGTH or total > len(packet) - ethernet.LENGTH:
        raise Dropped(Drop.OUTER_LENGTH)
    packet = packet[: ethernet.LENGTH + total]
    try:
        header, offset = vxlan.Vxlan.parse(packet, offset)
    except Truncated:
        raise Dropped(Drop.OUTER_LENGTH) from None
    except Malformed:
        raise Dropped(Drop.VXLAN_NO_VNI) from None
    if header.reserved and snapshot.settings.strict:
        raise Dropped(Drop.VXLAN_RESERVED)
    accept = _expected(snapshot, Ip(packet[26:30]), header.vni)
    return Opened(accept.bridge, accept.group, accept.nexthop, packet[15] & 3, packet[offset:])


def _is_for_vtep(snapshot: Snapshot, port: UnderlayPort, packet: bytes) -> bool:
    """Addressed to us, to a tunnel port; a later fragment has no port and is the host's to throw away."""
    at = ethernet.LENGTH
    if len(packet) < at + ipv4.LENGTH + udp.LENGTH or Mac(packet[:6]) != port.mac:
        return False
    if packet[12:14] != b"\x08\0" or packet[at] >> 4 != 4 or packet[at + 9] != ipv4.UDP:
        return False
    if Ip(packet[at + 16 : at + 20]) not in snapshot.table(LocalAddress) or packet[at + 6] & 0x1F or packet[at + 7]:
        return False
    header = (packet[at] & 0xF) * 4
    ports = at + header
    return header >= ipv4.LENGTH and packet[ports + 2 : ports + 4] == snapshot.settings.udp_port.to_bytes(2, "big")


def _check_outer_ip(packet: bytes) -> None:
    at = ethernet.LENGTH
    if packet[at] != 0x45:
        raise Dropped(Drop.OUTER_OPTIONS)
    if not checksum.is_valid(packet[at : at + ipv4.LENGTH]):
        raise Dropped(Drop.OUTER_CHECKSUM)
    if packet[at + 6] & 0x20:
        raise Dropped(Drop.OUTER_FRAGMENT)


def _expected(snapshot: Snapshot, source: Ip, key: int) -> Accept:
    """The accept row of a known remote, or of an allowed source, from which nothing is learned."""
    accept = snapshot.table(Accept).get((Encap.VXLAN, source, key))
    if accept is not None:
        return accept
    wire_key = snapshot.table(WireKey).get((Encap.VXLAN, key))
    if wire_key is None:
        raise Dropped(Drop.UNKNOWN_VNI)
    if any(source in allowed.prefix for allowed in snapshot.table(AllowedSource).values()):
        return Accept(Encap.VXLAN, source, key, wire_key.bridge, MESH_GROUP)
    raise Dropped(Drop.UNKNOWN_VTEP)


def merge_ecn(frame: bytes, outer: int) -> bytes:
    """The inner frame with the congestion mark of the outer header. Raises Dropped."""
    if outer == ecn.NOT_ECT or (frame[12] << 8 | frame[13]) not in (ethernet.IPV4, ethernet.IPV6):
        return frame
    inner = ecn.inner_ecn(frame)
    combined = ecn.combine(inner, outer)
    if combined is None:
        raise Dropped(Drop.ECN_INVALID)
    return frame if combined == inner else ecn.with_ecn(frame, combined)
