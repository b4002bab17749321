"""ROUTE-REFRESH (RFC 2918 section 3): AFI 2, subtype 1 (RFC 7313), SAFI 1."""

from __future__ import annotations

import struct

from msgspec import Struct

from weft.wire.bgp import framing
from weft.wire.bgp.capabilities import Family
from weft.wire.bgp.errors import BgpError, Code

_INVALID_LENGTH = 1


class Refresh(Struct, frozen=True):
    """A wish for all routes of a family. Subtypes other than 0 belong to enhanced refresh (RFC 7313)."""

    family: Family
    subtype: int = 0

    def pack(self) -> bytes:
        body = struct.pack("!HBB", self.family.afi, self.subtype, self.family.safi)
        return framing.pack(framing.MessageType.REFRESH, body)


def parse(body: bytes) -> Refresh:
    """Read the body of a ROUTE-REFRESH; octets after the fourth (outbound filters, RFC 5291) are ignored.

    Raises BgpError with code 7 (RFC 7313 section 5).
    """
    if len(body) < 4:
        message = f"a ROUTE-REFRESH body of {len(body)} octets, 4 are due"
        raise BgpError(Code.REFRESH, _INVALID_LENGTH, message, framing.pack(framing.MessageType.REFRESH, body))
    afi, subtype, safi = struct.unpack_from("!HBB", body)
    return Refresh(Family(afi, safi), subtype)
