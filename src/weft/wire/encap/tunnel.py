"""What every tunnel header has besides `parse`, `dissect` and `pack`: its octets, its fields for people, its payload.

*Overhead* is what the underlay's IP MTU pays beyond the tenant's IP packet: outer IP, transport, tunnel header and,
where frames are carried, the inner Ethernet header. Nobody writes the number down; it is the sum of the ledger below.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from weft.wire.header import Header

Fields = dict[str, object]


class Part(Struct, frozen=True):
    """One header in the ledger of a packet: what it is called, and its fields with their octets in order."""

    name: str
    fields: tuple[tuple[str, int], ...]

    @property
    def octets(self) -> int:
        return sum(octets for _, octets in self.fields)


_IPV4 = (
    ("version and header length", 1),
    ("TOS", 1),
    ("total length", 2),
    ("identification", 2),
    ("flags and fragment offset", 2),
    ("TTL", 1),
    ("protocol", 1),
    ("header checksum", 2),
    ("source", 4),
    ("destination", 4),
)
_IPV6 = (
    ("version, traffic class and flow label", 4),
    ("payload length", 2),
    ("next header", 1),
    ("hop limit", 1),
    ("source", 16),
    ("destination", 16),
)
OUTER_IP = {4: Part("outer IPv4", _IPV4), 6: Part("outer IPv6", _IPV6)}
UDP = Part("UDP", (("source port", 2), ("destination port", 2), ("length", 2), ("checksum", 2)))
INNER_ETHERNET = Part("inner Ethernet", (("destination MAC", 6), ("source MAC", 6), ("EtherType", 2)))
INNER_VLAN = Part("inner VLAN tag", (("802.1Q tag type", 2), ("PCP, DEI and VID", 2)))


class Tunnel(Header, frozen=True, gc=False):
    """The base of tunnel headers."""

    @property
    def payload(self) -> int | None:
        """The EtherType of what is inside, 0x6558 for a frame; None: it cannot be told, or must not be looked at."""
        raise NotImplementedError

    def fields(self, octets: bytes) -> Fields:
        """What `dissect` shows. `octets` are the header as it came, for bits that the values do not keep."""
        raise NotImplementedError

    def parts(self) -> tuple[Part, ...]:
        """The ledger: every header between the outer IP header and the inner Ethernet header."""
        raise NotImplementedError

    def ledger(self, ip_version: int = 4) -> tuple[Part, ...]:
        """Every header between the outer link and the tenant's IP packet."""
        inner = (INNER_ETHERNET,) if self.payload == 0x6558 else ()
        return (OUTER_IP[ip_version], *self.parts(), *inner)

    def overhead_octets(self, ip_version: int = 4) -> int:
        """What the underlay's IP MTU pays beyond the tenant's IP packet, over IPv4 or IPv6."""
        return sum(part.octets for part in self.ledger(ip_version))


AnyTunnel = TypeVar("AnyTunnel", bound=Tunnel)
