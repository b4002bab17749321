"""Readers of what is below IP: Ethernet, VLAN tags, MPLS, ARP."""

from __future__ import annotations

from weft.wire import arp, ethernet, vlan
from weft.wire.dissect.walk import Next, Reader, Walk
from weft.wire.mpls import Mpls

NAMES = {
    ethernet.TRANSPARENT_BRIDGING: "ethernet",
    ethernet.IPV4: "ipv4",
    ethernet.IPV6: "ipv6",
    ethernet.ARP: "arp",
    ethernet.MPLS: "mpls",
    ethernet.MPLS_MULTICAST: "mpls",
    **dict.fromkeys(vlan.TAGS, "vlan"),
}
"""EtherType -> the reader of what follows it."""


def by_ethertype(ethertype: int | None, data: bytes, at: int) -> Next:
    """Who reads on; None where nobody can."""
    name = NAMES.get(ethertype) if ethertype is not None else None
    return (name, data, at) if name else None


def _ethernet(walk: Walk, data: bytes, at: int) -> Next:
    header, end = walk.read(ethernet.Ethernet, data, at)
    if header is None:
        return None
    walk.add("ethernet", {"dst": str(header.dst), "src": str(header.src), "ethertype": header.ethertype})
    return by_ethertype(header.ethertype, data, end)


def _vlan(walk: Walk, data: bytes, at: int) -> Next:
    tag, end = walk.read(vlan.Vlan, data, at)
    if tag is None:
        return None
    walk.add("vlan", {"vid": tag.vid, "pcp": tag.pcp, "dei": tag.dei, "ethertype": tag.ethertype})
    return by_ethertype(tag.ethertype, data, end)


def _arp(walk: Walk, data: bytes, at: int) -> Next:
    packet, _ = walk.read(arp.Arp, data, at)
    if packet is not None:
        fields = {name: str(getattr(packet, name)) for name in packet.__struct_fields__[1:]}
        walk.add("arp", {"operation": packet.operation, **fields})
    return None


def _mpls(walk: Walk, data: bytes, at: int) -> Next:
    entry, end = walk.read(Mpls, data, at)
    if entry is None:
        return None
    walk.add("mpls", {"label": entry.label, "tc": entry.tc, "bottom": entry.bottom, "ttl": entry.ttl})
    if not entry.bottom:
        return "mpls", data, end
    version = data[end] >> 4 if end < len(data) else 0
    return (f"ipv{version}", data, end) if version in (4, 6) else None  # RFC 4928 section 2


READERS: dict[str, Reader] = {"ethernet": _ethernet, "vlan": _vlan, "arp": _arp, "mpls": _mpls}
