"""EVPN route type 3, inclusive multicast Ethernet tag (RFC 7432 section 7.3).

    | 3 | length | RD 8 | Ethernet tag 4 | IP bits 1 | originating router's IP 4 or 16 |

The tunnel for flooded frames is in the PMSI tunnel attribute, see pmsi.py.
"""

from __future__ import annotations

from msgspec import Struct

from weft.values import Ip, Rd
from weft.wire.bgp.evpn.errors import MalformedRoute

ROUTE_TYPE = 3
_IP_AT = 15


class Imet(Struct, frozen=True, gc=False):
    rd: Rd
    tag: int
    originator: Ip

    @property
    def key(self) -> bytes:
        """All of the route is its key (RFC 7432 section 7.3)."""
        return b"\x03" + self._body()

    def _body(self) -> bytes:
        tag = self.tag.to_bytes(4, "big")
        return self.rd.octets + tag + bytes((self.originator.bits,)) + self.originator.octets

    def pack(self) -> bytes:
        body = self._body()
        return bytes((ROUTE_TYPE, len(body))) + body


def parse(nlri: bytes) -> Imet:
    """Read one whole NLRI, type and length included. Raises MalformedRoute."""
    if len(nlri) < _IP_AT:
        raise MalformedRoute(f"type 3 of {len(nlri) - 2} octets is cut short")
    bits = nlri[14]
    if bits not in (32, 128):
        raise MalformedRoute(f"type 3 with an originator of {bits} bits")
    if len(nlri) != _IP_AT + bits // 8:
        raise MalformedRoute(f"type 3 of {len(nlri) - 2} octets with an originator of {bits} bits")
    return Imet(Rd(nlri[2:10]), int.from_bytes(nlri[10:14], "big"), Ip(nlri[_IP_AT:]))
