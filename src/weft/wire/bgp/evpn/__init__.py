"""EVPN routes (RFC 7432 section 7): `| type 1 | length 1 | value |`, one file per route type.

Every route value has `key`, the octets that name the route, and `pack()`, the whole NLRI. Keys of different
types never collide: each starts with the type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from weft.values import Truncated
from weft.wire.bgp.evpn import imet, mac_ip, opaque
from weft.wire.bgp.evpn.errors import MalformedRoute
from weft.wire.bgp.evpn.imet import Imet
from weft.wire.bgp.evpn.mac_ip import MacIp
from weft.wire.bgp.evpn.opaque import Opaque
from weft.wire.bgp.evpn.pmsi import Pmsi

__all__ = ["PARSERS", "EvpnRoute", "Imet", "MacIp", "MalformedRoute", "Opaque", "Pmsi", "parse", "split"]

EvpnRoute = MacIp | Imet | Opaque

PARSERS: dict[int, Callable[[bytes], EvpnRoute]] = {
    mac_ip.ROUTE_TYPE: mac_ip.parse,
    imet.ROUTE_TYPE: imet.parse,
}


def split(octets: bytes) -> Iterator[bytes]:
    """Cut an NLRI field into whole NLRIs. Raises Truncated where the next one cannot be located."""
    offset, end = 0, len(octets)
    while offset < end:
        following = offset + 2 + (octets[offset + 1] if offset + 1 < end else 0)
        if offset + 2 > end or following > end:
            raise Truncated("an EVPN NLRI", following - offset, end - offset, offset)
        yield octets[offset:following]
        offset = following


def parse(nlri: bytes) -> EvpnRoute:
    """Read one NLRI as `split` gives it. Raises MalformedRoute."""
    return PARSERS.get(nlri[0], opaque.parse)(nlri)
