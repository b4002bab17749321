"""The byte ledger of encapsulations: what fits through a tunnel, counted header by header. Pure arithmetic.

*Overhead* is what the underlay's IP MTU pays beyond the tenant's IP packet. An outer VLAN tag is not part of an MTU: it
lengthens the frame on the wire only. A VLAN tag of the tenant's frame is, but STT carries one in its own header.
"""

from __future__ import annotations

from msgspec import Struct

from weft.values import InvalidValue
from weft.wire import ethernet, vlan
from weft.wire.encap.geneve import OPTIONS_MAX_OCTETS, Geneve, Option
from weft.wire.encap.gre import BRIDGED, Gre
from weft.wire.encap.registry import ENCAPSULATIONS
from weft.wire.encap.stt import SEGMENT, Stt
from weft.wire.encap.tunnel import INNER_VLAN, OUTER_IP, Part, Tunnel

TUNNELS: dict[str, Tunnel] = {
    "gre": ENCAPSULATIONS["gre"].plain,
    "gre+key": Gre(ethernet.IPV4, key=0),
    "gre+key+seq": Gre(ethernet.IPV4, key=0, sequence=0),
    "gre+csum+key+seq": Gre(ethernet.IPV4, checksum=0, key=0, sequence=0),
    "gretap": BRIDGED,
    **{name: one.plain for name, one in ENCAPSULATIONS.items() if name != "gre"},
}
"""What the ledger knows. Plain names of GRE carry IP packets, everything else Ethernet frames."""

ESP_HEADER = Part("ESP", (("security parameters index", 4), ("sequence number", 4), ("AES-GCM IV", 8)))
ESP_TRAILER = Part("ESP trailer", (("padding length", 1), ("next header", 1), ("AES-GCM check value", 16)))
ESP_WORD_OCTETS = 4
"""What ESP encrypts, trailer included, is a multiple of this (RFC 4303 section 2.4)."""
ESP_FRAME_OCTETS = 2
"""Padding length and next header: the encrypted part of the trailer."""
OUTER_ETHERNET = Part("outer Ethernet", (("destination MAC", 6), ("source MAC", 6), ("EtherType", 2)))
IP_OCTETS = {4: 20, 6: 40}
ICMP_OCTETS, TCP_OCTETS = 8, 20


class Around(Struct, frozen=True):
    """What surrounds or lengthens a tunnel. `esp`: None, `transport` or `tunnel` (RFC 4303, AES-GCM of RFC 4106)."""

    geneve_option_octets: int = 0
    outer_vlans: int = 0
    inner_vlans: int = 0
    esp: str | None = None


BARE = Around()
"""Neither options nor tags nor ESP."""


class Fit(Struct, frozen=True):
    """What fits through one tunnel, in octets. None: not bound by the link's MTU.

    `wire_overhead` is what a frame grows on the wire. `first_segment` and `further_segment` are STT's alone, and count
    what they add on the wire. `ledger`: the headers between the outer link and the tenant's IP packet.
    """

    encap: str
    underlay: str
    link_mtu: int
    overhead: int
    wire_overhead: int
    inner_mtu: int | None
    ping_payload: int | None
    tcp_mss: int | None
    first_segment: int | None
    further_segment: int | None
    ledger: tuple[Part, ...]


def ledger(name: str, ip_version: int, around: Around) -> tuple[Part, ...]:
    """The headers of a tunnel in the order of the wire. ESP's padding is not among them: it depends on the packet."""
    tunnel = _tunnel(name, around)
    outer, *inner = tunnel.ledger(ip_version)
    tags = [] if tunnel.payload != ethernet.TRANSPARENT_BRIDGING else [INNER_VLAN] * around.inner_vlans
    if isinstance(tunnel, Stt):
        del tags[:1]
    return _protected([outer], [*inner, *tags], ip_version, around)


def _further_segment(ip_version: int, around: Around) -> tuple[Part, ...]:
    return _protected([OUTER_ETHERNET, OUTER_IP[ip_version]], [SEGMENT], ip_version, around)


def _tunnel(name: str, around: Around) -> Tunnel:
    if name != "geneve":
        return TUNNELS[name]
    octets = around.geneve_option_octets
    if octets % 4 or not 0 <= octets <= OPTIONS_MAX_OCTETS:
        raise InvalidValue(f"Geneve options have 0 to {OPTIONS_MAX_OCTETS} octets in words of 4, not {octets}")
    sizes = [min(left, 128) for left in range(octets, 0, -128)]
    return Geneve(vni=1, options=tuple(Option(0, 0, bytes(size - 4)) for size in sizes))


def _protected(outer: list[Part], inner: list[Part], ip_version: int, around: Around) -> tuple[Part, ...]:
    if around.esp is None:
        return (*outer, *inner)
    again = [Part(f"protected {OUTER_IP[ip_version].name}", OUTER_IP[ip_version].fields)]
    return (*outer, ESP_HEADER, *(again if around.esp == "tunnel" else []), *inner, ESP_TRAILER)


def fit_link(name: str, ip_version: int, link_mtu: int, around: Around = BARE, tenant: int = 4) -> Fit:
    """What fits through a tunnel over a link with this IP MTU. `tenant`: the IP version of its ping and TCP.

    Raises InvalidValue if nothing fits, or for Geneve options that cannot be.
    """
    headers = ledger(name, ip_version, around)
    overhead = _octets(headers)
    if around.esp:
        overhead += (link_mtu - _clear_octets(ip_version)) % ESP_WORD_OCTETS  # left over, for words are whole
    if link_mtu <= overhead + IP_OCTETS[tenant] + TCP_OCTETS:
        raise InvalidValue(
            f"a link MTU of {link_mtu} leaves no room for {name} over IPv{ip_version}: it costs {overhead}"
        )
    inner = None if name == "stt" else link_mtu - overhead
    return _fit(name, ip_version, headers, (link_mtu, overhead, inner), around, tenant)


def fit_inner(name: str, ip_version: int, inner_mtu: int, around: Around = BARE, tenant: int = 4) -> Fit:
    """The link's IP MTU that a tunnel needs for this inner MTU; for STT, to stay within one segment."""
    headers = ledger(name, ip_version, around)
    overhead = _octets(headers)
    if around.esp:
        overhead += -(inner_mtu + overhead - _clear_octets(ip_version)) % ESP_WORD_OCTETS  # padding
    return _fit(name, ip_version, headers, (inner_mtu + overhead, overhead, inner_mtu), around, tenant)


def _clear_octets(ip_version: int) -> int:
    """What of a packet in ESP is not encrypted."""
    return IP_OCTETS[ip_version] + ESP_HEADER.octets + ESP_TRAILER.octets - ESP_FRAME_OCTETS


def _octets(parts: tuple[Part, ...]) -> int:
    return sum(part.octets for part in parts)


def _fit(
    name: str,
    ip_version: int,
    headers: tuple[Part, ...],
    sizes: tuple[int, int, int | None],
    around: Around,
    tenant: int,
) -> Fit:
    link_mtu, overhead, inner_mtu = sizes
    tags = around.outer_vlans * vlan.LENGTH
    segmented = name == "stt"
    return Fit(
        encap=name,
        underlay=f"ipv{ip_version}",
        link_mtu=link_mtu,
        overhead=overhead,
        wire_overhead=overhead + tags,
        inner_mtu=inner_mtu,
        ping_payload=None if inner_mtu is None else inner_mtu - IP_OCTETS[tenant] - ICMP_OCTETS,
        tcp_mss=None if inner_mtu is None else inner_mtu - IP_OCTETS[tenant] - TCP_OCTETS,
        first_segment=_octets(headers) + tags if segmented else None,
        further_segment=_octets(_further_segment(ip_version, around)) + tags if segmented else None,
        ledger=headers,
    )
