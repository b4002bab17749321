"""Every other EVPN route type: kept as octets, so that a reflector hands it on unchanged (RFC 7606 section 5.4).

    | type | length | value |

Of the types that are well known only the form is looked at, and what names the route: a change of label or flags
must replace the route, and a withdrawal may carry other ones.

| type | what names the route | behind it | RFC |
|---|---|---|---|
| 1 Ethernet A-D | RD, ESI, tag | label 3 | 7432 section 7.1 |
| 4 Ethernet segment | RD, ESI, originator | | 7432 section 7.4 |
| 5 IP prefix | RD, tag, prefix length, prefix | gateway, label | 9136 section 3.1 |
| 6 selective multicast | RD, tag, source, group, originator | flags 1 | 9251 section 9.1 |
| 7, 8 join and leave sync | RD, ESI, tag, source, group, originator | flags 1; 5 or 6 octets | 9251 sections 9.2, 9.3 |
| 9 region I-PMSI | RD, tag, region 8 | | 9572 section 3.1 |
| 10 S-PMSI | RD, tag, source, group, originator | | 9572 section 3.2 |
| 11 leaf | route key, originator | | 9572 section 3.3 |
| other | all | | |
"""

from __future__ import annotations

from msgspec import Struct

from weft.wire.bgp.evpn.errors import MalformedRoute

_RD, _ESI, _TAG, _REGION = 8, 10, 4, 8
_ADDRESS, _OR_NONE = (32, 128), (0, 32, 128)
# Fields that name the route: a size in octets, or the bits that a length octet before an address may state.
_Fields = tuple[int | tuple[int, ...], ...]
_SYNC: _Fields = (_RD, _ESI, _TAG, _OR_NONE, _ADDRESS, _ADDRESS)
_LAYOUTS: dict[int, tuple[_Fields, tuple[int, ...]]] = {
    1: ((_RD, _ESI, _TAG), (3,)),
    4: ((_RD, _ESI, _ADDRESS), (0,)),
    6: ((_RD, _TAG, _OR_NONE, _ADDRESS, _ADDRESS), (1,)),
    7: (_SYNC, (1,)),
    8: (_SYNC, (5, 6)),
    9: ((_RD, _TAG, _REGION), (0,)),
    10: ((_RD, _TAG, _OR_NONE, _OR_NONE, _ADDRESS), (0,)),
}
_IP_PREFIX, _LEAF = 5, 11
# Length of a type 5: most bits of its prefix, and where in the NLRI the prefix ends.
_PREFIXES = {34: (32, 29), 58: (128, 41)}


class Opaque(Struct, frozen=True, gc=False):
    """`octets` is the whole NLRI."""

    octets: bytes

    @property
    def route_type(self) -> int:
        return self.octets[0]

    @property
    def key(self) -> bytes:
        """What names the route; of an unknown type all octets. Raises MalformedRoute if `parse` would."""
        return _key(self.octets)

    def pack(self) -> bytes:
        return self.octets


def parse(nlri: bytes) -> Opaque:
    """Take one whole NLRI, type and length included. Raises MalformedRoute if a known type has a false form."""
    _key(nlri)
    return Opaque(nlri)


def _key(nlri: bytes) -> bytes:
    kind, length = nlri[0], nlri[1]
    if kind == _IP_PREFIX:
        most, end = _PREFIXES.get(length, (-1, 0))
        if most < 0 or nlri[24] > most:
            raise MalformedRoute(f"type 5 of {length} octets is not an IP prefix")
        return nlri[:1] + nlri[2:10] + nlri[20:end]
    if kind == _LEAF:
        _check_leaf(nlri)
    if kind not in _LAYOUTS:
        return nlri
    fields, rests = _LAYOUTS[kind]
    end = _end_of(fields, nlri)
    if len(nlri) - end not in rests:
        raise MalformedRoute(f"type {kind} of {length} octets has a false length")
    return nlri[:1] + nlri[2:end]


def _end_of(fields: _Fields, nlri: bytes) -> int:
    offset = 2
    for field in fields:
        if isinstance(field, int):
            offset += field
            continue
        bits = nlri[offset] if offset < len(nlri) else -1
        if bits not in field:
            words = "is cut short" if bits < 0 else f"with an address of {bits} bits"
            raise MalformedRoute(f"type {nlri[0]} {words}")
        offset += 1 + bits // 8
    return offset


def _check_leaf(nlri: bytes) -> None:
    """The route key is another route, of any length but 0; the originator is found from the end."""
    if not any(len(nlri) > 3 + bits // 8 and nlri[-1 - bits // 8] == bits for bits in _ADDRESS):
        raise MalformedRoute("type 11 without an originator of 32 or 128 bits")
