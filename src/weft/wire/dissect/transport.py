"""Readers of what IP carries: UDP and TCP, which may hold a tunnel by their destination port, ICMP, ICMPv6, IGMP."""

from __future__ import annotations

from weft.values import Malformed, Truncated
from weft.wire import icmp, icmpv6, igmp, nd, tcp, udp
from weft.wire.checksum import is_valid_behind_ip
from weft.wire.dissect.walk import Layer, Next, Reader, Walk
from weft.wire.encap import stt
from weft.wire.encap.registry import ENCAPSULATIONS, TCP, UDP


def _udp(walk: Walk, data: bytes, at: int) -> Next:
    header, end = walk.read(udp.Udp, data, at)
    if header is None:
        return None
    layer = walk.add("udp", {"sport": header.sport, "dport": header.dport})
    if header.length < udp.LENGTH and header.length:  # 0: as segmentation offload leaves it, or a jumbogram
        walk.fault(Malformed(f"a UDP datagram says that it has {header.length} octets, its header alone has 8", at))
        return None
    if at + header.length > len(data):
        walk.fault(Truncated("a UDP datagram", header.length, len(data) - at, at))
    elif header.length:
        data = data[: at + header.length]
    _verify(walk, layer, data, at, UDP, header.checksum == 0)
    return _tunnel(walk, UDP, header.dport, data, end)


def _tcp(walk: Walk, data: bytes, at: int) -> Next:
    header, _ = walk.read(tcp.Tcp, data, at)
    if header is None:
        return None
    if _encapsulation(walk, TCP, header.dport) and not header.flags & stt.FOREIGN_FLAGS:
        return "stt", data, at  # SYN, FIN and RST are of real TCP
    layer = walk.add("tcp", {name: getattr(header, name) for name in ("sport", "dport", "seq", "ack", "flags")})
    _verify(walk, layer, data, at, TCP)
    return None


def _tunnel(walk: Walk, protocol: int, port: int, data: bytes, at: int) -> Next:
    name = _encapsulation(walk, protocol, port)
    return (name, data, at) if name else None


def _encapsulation(walk: Walk, protocol: int, port: int) -> str | None:
    """The encapsulation that a destination port stands for, if it runs over this protocol."""
    known = ENCAPSULATIONS.get(walk.ports.get(port, ""))
    return known.name if known and known.protocol == protocol else None


def _verify(walk: Walk, layer: Layer, data: bytes, at: int, protocol: int, absent: bool = False) -> None:
    """If asked for, check the sum of a packet that is wholly there."""
    if not walk.verify:
        return
    if absent or walk.partial or not walk.addresses[0]:
        layer["checksum_ok"] = None
        return
    layer["checksum_ok"] = is_valid_behind_ip(data[at:], *walk.addresses, protocol)
    if not layer["checksum_ok"]:
        walk.fault(Malformed(f"{str(layer['layer']).upper()} checksum is wrong", at))


def _icmp(walk: Walk, data: bytes, at: int) -> Next:
    header, _ = walk.read(icmp.Icmp, data, at)
    if header is not None:
        walk.add("icmp", {"type": header.type, "code": header.code})
    return None


def _icmpv6(walk: Walk, data: bytes, at: int) -> Next:
    header, end = walk.read(icmpv6.Icmpv6, data, at)
    if header is None:
        return None
    layer = walk.add("icmpv6", {"type": header.type, "code": header.code, "target": None, "mac": None})
    _verify(walk, layer, data, at, icmpv6.PROTOCOL)
    if header.type in (nd.SOLICITATION, nd.ADVERTISEMENT):
        neighbor, _ = walk.read(nd.Neighbor, data, end)
        if neighbor is not None:
            kind = nd.SOURCE_LINK_ADDRESS if header.type == nd.SOLICITATION else nd.TARGET_LINK_ADDRESS
            mac = nd.link_address(neighbor.options, kind)
            layer.update(target=str(neighbor.target), mac=str(mac) if mac else None)
    return None


def _igmp(walk: Walk, data: bytes, at: int) -> Next:
    message, _ = walk.read(igmp.Igmp, data, at)
    if message is not None:
        group = message.records[0].group if message.records else message.group
        walk.add("igmp", {"type": message.type, "group": str(group)})
    return None


READERS: dict[str, Reader] = {"udp": _udp, "tcp": _tcp, "icmp": _icmp, "icmpv6": _icmpv6, "igmp": _igmp}
