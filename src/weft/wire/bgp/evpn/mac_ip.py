"""EVPN route type 2, MAC/IP advertisement (RFC 7432 section 7.2, labels as in RFC 8365 section 5.1.3).

| 2 | length | RD 8 | ESI 10 | Ethernet tag 4 | 48 | MAC 6 | IP bits 1 | IP 0, 4 or 16 | label 3 | [label 3] |
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from weft.values import Esi, Ip, Mac, Rd
from weft.wire.bgp.evpn.errors import MalformedRoute

ROUTE_TYPE = 2
_IP_AT = 32
_IP_OCTETS = {0: 0, 32: 4, 128: 16}

# Thousands of routes share a few of these; one value each saves time and memory.
_rd = lru_cache(4096)(Rd)
_esi = lru_cache(4096)(Esi)


class MacIp(Struct, frozen=True, gc=False):
    """`label` and `label2` are all 24 bits: the L2VNI, and the L3VNI if there is a second one."""

    rd: Rd
    esi: Esi
    tag: int
    mac: Mac
    ip: Ip | None
    label: int
    label2: int | None = None

    @property
    def key(self) -> bytes:
        """What makes two advertisements the same route: RD, tag, MAC and IP (RFC 7432 section 7.2)."""
        tag = self.tag.to_bytes(4, "big")
        return b"\x02" + self.rd.octets + tag + b"\x30" + self.mac.octets + self._ip_field()

    def _ip_field(self) -> bytes:
        return b"\x00" if self.ip is None else bytes((self.ip.bits,)) + self.ip.octets

    def pack(self) -> bytes:
        tag = self.tag.to_bytes(4, "big")
        body = self.rd.octets + self.esi.octets + tag + b"\x30" + self.mac.octets + self._ip_field()
        body += self.label.to_bytes(3, "big")
        if self.label2 is not None:
            body += self.label2.to_bytes(3, "big")
        return bytes((ROUTE_TYPE, len(body))) + body


def parse(nlri: bytes) -> MacIp:
    """Read one whole NLRI, type and length included. Raises MalformedRoute."""
    size = len(nlri)
    if size < _IP_AT:
        raise MalformedRoute(f"type 2 of {size - 2} octets is cut short")
    if nlri[24] != 48:
        raise MalformedRoute(f"type 2 with a MAC address of {nlri[24]} bits")
    ip_octets = _IP_OCTETS.get(nlri[31])
    if ip_octets is None:
        raise MalformedRoute(f"type 2 with an IP address of {nlri[31]} bits")
    label_at = _IP_AT + ip_octets
    if size < label_at:
        raise MalformedRoute(f"type 2 of {size - 2} octets is cut short")
    if size - label_at not in (3, 6):
        key = b"\x02" + nlri[2:10] + nlri[20:label_at]
        raise MalformedRoute(f"type 2 with {size - label_at} octets of labels", key)
    return MacIp(
        _rd(nlri[2:10]),
        _esi(nlri[10:20]),
        int.from_bytes(nlri[20:24], "big"),
        Mac(nlri[25:31]),
        Ip(nlri[_IP_AT:label_at]) if ip_octets else None,
        int.from_bytes(nlri[label_at : label_at + 3], "big"),
        int.from_bytes(nlri[label_at + 3 :], "big") if size - label_at == 6 else None,
    )
