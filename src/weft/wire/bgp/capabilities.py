"""Capabilities of the OPEN message (RFC 5492): code 1, length 1, value.

| code | capability | RFC |
|---|---|---|
| 1 | multiprotocol: AFI 2, reserved 1, SAFI 1 | 4760 section 8 |
| 2 | route refresh, empty | 2918 |
| 6 | extended message, empty | 8654 |
| 64 | graceful restart: kept as octets | 4724 |
| 65 | 4-octet AS number | 6793 |

Every other one is kept as octets.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from msgspec import Struct

from weft.values import Malformed, Truncated

MULTIPROTOCOL, ROUTE_REFRESH, EXTENDED_MESSAGE, GRACEFUL_RESTART, FOUR_OCTET_AS = 1, 2, 6, 64, 65
_LENGTHS = {MULTIPROTOCOL: 4, ROUTE_REFRESH: 0, EXTENDED_MESSAGE: 0, FOUR_OCTET_AS: 4}


class Family(NamedTuple):
    """An address family: AFI and SAFI."""

    afi: int
    safi: int


IPV4_UNICAST = Family(1, 1)
IPV6_UNICAST = Family(2, 1)
EVPN = Family(25, 70)


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a speaker offers. `asn` is the 4-octet AS number, None if the speaker has two octets only."""

    families: tuple[Family, ...] = ()
    asn: int | None = None
    route_refresh: bool = False
    extended_message: bool = False
    graceful_restart: bytes | None = None
    unknown: tuple[tuple[int, bytes], ...] = ()
    """(code, value) of every other capability, in the peer's order."""

    def pack(self) -> bytes:
        return b"".join(bytes((code, len(value))) + value for code, value in self._items())

    def _items(self) -> list[tuple[int, bytes]]:
        items = [(MULTIPROTOCOL, struct.pack("!HBB", afi, 0, safi)) for afi, safi in self.families]
        if self.route_refresh:
            items.append((ROUTE_REFRESH, b""))
        if self.extended_message:
            items.append((EXTENDED_MESSAGE, b""))
        if self.graceful_restart is not None:
            items.append((GRACEFUL_RESTART, self.graceful_restart))
        if self.asn is not None:
            items.append((FOUR_OCTET_AS, struct.pack("!I", self.asn)))
        return items + list(self.unknown)


def _walk(octets: bytes) -> list[tuple[int, bytes]]:
    found, offset = [], 0
    while offset < len(octets):
        if len(octets) < offset + 2 or len(octets) < (end := offset + 2 + octets[offset + 1]):
            raise Truncated("a capability", offset + 2, len(octets), offset)
        found.append((octets[offset], octets[offset + 2 : end]))
        offset = end
    return found


def parse(octets: bytes) -> Capabilities:
    """Read the capabilities of all capability parameters, joined. Raises WireError.

    A capability that comes twice counts once (RFC 5492 section 4); several families are several capabilities.
    """
    families: list[Family] = []
    known: dict[int, bytes] = {}
    unknown: list[tuple[int, bytes]] = []
    for code, value in _walk(octets):
        if len(value) != _LENGTHS.get(code, len(value)):
            raise Malformed(f"capability {code} of {len(value)} octets, {_LENGTHS[code]} are due")
        if code == MULTIPROTOCOL:
            afi, safi = struct.unpack("!HxB", value)
            families.append(Family(afi, safi))
        elif code in _LENGTHS or code == GRACEFUL_RESTART:
            known.setdefault(code, value)
        else:
            unknown.append((code, value))
    return Capabilities(
        families=tuple(dict.fromkeys(families)),
        asn=int.from_bytes(known[FOUR_OCTET_AS], "big") if FOUR_OCTET_AS in known else None,
        route_refresh=ROUTE_REFRESH in known,
        extended_message=EXTENDED_MESSAGE in known,
        graceful_restart=known.get(GRACEFUL_RESTART),
        unknown=tuple(unknown),
    )
