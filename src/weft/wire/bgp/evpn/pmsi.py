"""PMSI tunnel attribute (RFC 6514 section 5): how flooded frames reach the sender of a type 3 route.

| flags 1 | tunnel type 1 | label 3 | tunnel identifier |
"""

from __future__ import annotations

from msgspec import Struct

from weft.values import Ip, Malformed, Truncated

INGRESS_REPLICATION = 6
_FIXED = 5
# 0..7 of RFC 6514; 10 assisted replication (RFC 9574), 11 BIER (RFC 8556).
_TUNNEL_TYPES = frozenset((*range(8), 10, 11))


class Pmsi(Struct, frozen=True, gc=False):
    """`label` is all 24 bits, the VNI (RFC 8365 section 5.1.3). `tunnel_id` is kept as octets."""

    flags: int
    tunnel_type: int
    label: int
    tunnel_id: bytes

    @classmethod
    def ingress_replication(cls, vni: int, vtep: Ip) -> Pmsi:
        return cls(0, INGRESS_REPLICATION, vni, vtep.octets)

    @property
    def endpoint(self) -> Ip | None:
        """Where copies go, if the tunnel is ingress replication (RFC 7432 section 11.2)."""
        return Ip(self.tunnel_id) if self.tunnel_type == INGRESS_REPLICATION else None

    def pack(self) -> bytes:
        return bytes((self.flags, self.tunnel_type)) + self.label.to_bytes(3, "big") + self.tunnel_id


def parse(value: bytes) -> Pmsi:
    """Read the attribute's value. Raises WireError; RFC 6514 section 5 calls an undefined type malformed."""
    if len(value) < _FIXED:
        raise Truncated("a PMSI tunnel attribute", _FIXED, len(value))
    tunnel_type, tunnel_id = value[1], value[_FIXED:]
    if tunnel_type not in _TUNNEL_TYPES:
        raise Malformed(f"PMSI tunnel type {tunnel_type} is not defined", 1)
    if tunnel_type == INGRESS_REPLICATION and len(tunnel_id) not in (4, 16):
        raise Malformed(f"PMSI ingress replication with a tunnel identifier of {len(tunnel_id)} octets", _FIXED)
    return Pmsi(value[0], tunnel_type, int.from_bytes(value[2:5], "big"), tunnel_id)
