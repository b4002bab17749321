"""Every other EVPN route type: kept as octets, so that a reflector hands it on unchanged (RFC 7606 section 5.4).

    | type | length | value |

Of the types that are not read but well known, only what names the route is looked at, since a change of label
must replace the route and a withdrawal may carry another label:

| type | octets of the value | key | RFC |
|---|---|---|---|
| 1 Ethernet A-D | 25 | RD, ESI, tag | 7432 section 7.1 |
| 4 Ethernet segment | 23, 35 | all | 7432 section 7.4 |
| 5 IP prefix | 34, 58 | RD, tag, prefix length, prefix | 9136 section 3.1 |
| other | any | all | |
"""

from __future__ import annotations

from msgspec import Struct

from weft.wire.bgp.evpn.errors import MalformedRoute

_LENGTHS = {1: (25,), 4: (23, 35), 5: (34, 58)}


class Opaque(Struct, frozen=True, gc=False):
    """`octets` is the whole NLRI."""

    octets: bytes

    @property
    def route_type(self) -> int:
        return self.octets[0]

    @property
    def key(self) -> bytes:
        nlri = self.octets
        if nlri[0] == 1:
            return nlri[:1] + nlri[2:24]
        if nlri[0] == 5:
            return nlri[:1] + nlri[2:10] + nlri[20 : 29 if nlri[1] == 34 else 41]
        return nlri

    def pack(self) -> bytes:
        return self.octets


def parse(nlri: bytes) -> Opaque:
    """Take one whole NLRI, type and length included. Raises MalformedRoute if a known type has a false length."""
    kind, length = nlri[0], nlri[1]
    if length not in _LENGTHS.get(kind, (length,)):
        raise MalformedRoute(f"type {kind} of {length} octets")
    if kind == 4 and nlri[20] != (length - 19) * 8:
        raise MalformedRoute(f"type 4 of {length} octets with an IP address of {nlri[20]} bits")
    if kind == 5 and nlri[24] > (32 if length == 34 else 128):
        raise MalformedRoute(f"type 5 of {length} octets with a prefix length of {nlri[24]}")
    return Opaque(nlri)
