"""Readers of IPv4 and IPv6. They cut the octets where the packet ends: what is behind is padding of the link."""

from __future__ import annotations

from weft.values import Malformed, Truncated
from weft.wire import icmpv6, ipv4, ipv6
from weft.wire.dissect.walk import Next, Reader, Walk
from weft.wire.encap import registry
from weft.wire.ipv6_extensions import Extensions

NAMES = {
    1: "icmp",
    2: "igmp",
    4: "ipv4-in-ip",
    registry.TCP: "tcp",
    registry.UDP: "udp",
    41: "ipv6-in-ip",
    registry.GRE: "gre",
    icmpv6.PROTOCOL: "icmpv6",
    137: "mpls",
}
"""IP protocol -> the reader of what follows it."""


def _ip(walk: Walk, data: bytes, at: int) -> Next:
    """A packet of a link that has no type field: the version tells."""
    version = data[at] >> 4 if at < len(data) else None
    if version in (4, 6):
        return f"ipv{version}", data, at
    walk.fault("there are no octets" if version is None else f"IP version {version} is neither 4 nor 6")
    return None


def _ipv4(walk: Walk, data: bytes, at: int) -> Next:
    header, end = walk.read(ipv4.Ipv4, data, at)
    if header is None:
        return None
    walk.add(
        "ipv4",
        {
            "src": str(header.src),
            "dst": str(header.dst),
            "ttl": header.ttl,
            "tos": header.tos,
            "protocol": header.protocol,
            "id": header.id,
            "df": header.df,
            "mf": header.mf,
            "fragment_offset": header.fragment_offset,
        },
    )
    walk.addresses = header.src.octets, header.dst.octets
    # A total length of 0 is what segmentation offload leaves in captures on the sending host.
    data = _cut(walk, data, at, header.total_length or len(data) - at, end - at, "an IPv4 packet")
    walk.partial |= header.is_fragment
    return _payload(header.protocol, header.fragment_offset, data, end)


def _ipv6(walk: Walk, data: bytes, at: int) -> Next:
    header, end = walk.read(ipv6.Ipv6, data, at)
    if header is None:
        return None
    data = _cut(walk, data, at, ipv6.LENGTH + (header.payload_length or len(data) - end), end - at, "an IPv6 packet")
    chain, end, fault = Extensions.walk(header.next_header, data, end)
    if fault is not None:
        walk.fault(fault)
    fragment = chain.fragment
    walk.add(
        "ipv6",
        {
            "src": str(header.src),
            "dst": str(header.dst),
            "hop_limit": header.hop_limit,
            "traffic_class": header.traffic_class,
            "flow_label": header.flow_label,
            "next_header": header.next_header,
            "extensions": list(chain.kinds),
            "protocol": chain.protocol,
            "id": fragment.id if fragment else None,
            "mf": fragment.mf if fragment else None,
            "fragment_offset": fragment.offset if fragment else None,
        },
    )
    walk.addresses = header.src.octets, header.dst.octets
    if fault is not None:
        return None
    walk.partial |= fragment is not None and (fragment.mf or fragment.offset > 0)
    return _payload(chain.protocol, fragment.offset if fragment else 0, data, end)


def _cut(walk: Walk, data: bytes, at: int, length: int, least: int, what: str) -> bytes:
    """The octets without what follows the packet."""
    end = at + length
    if length < least:
        walk.fault(Malformed(f"{what} says that it has {length} octets, its header alone has {least}", at))
    elif end > len(data):
        walk.fault(Truncated(what, length, len(data) - at, at))
    elif end < len(data):
        return data[:end]
    return data


def _payload(protocol: int, fragment_offset: int, data: bytes, at: int) -> Next:
    name = NAMES.get(protocol)
    return (name, data, at) if name and not fragment_offset else None


def _ipv4_in_ip(walk: Walk, data: bytes, at: int) -> Next:
    """IP in IP (RFC 2003), one more tunnel."""
    return ("ipv4", data, at) if walk.enter_tunnel() else None


def _ipv6_in_ip(walk: Walk, data: bytes, at: int) -> Next:
    """IPv6 in IP (RFC 4213, RFC 2473), one more tunnel."""
    return ("ipv6", data, at) if walk.enter_tunnel() else None


READERS: dict[str, Reader] = {
    "ip": _ip,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "ipv4-in-ip": _ipv4_in_ip,
    "ipv6-in-ip": _ipv6_in_ip,
}
