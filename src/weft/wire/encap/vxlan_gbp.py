"""VXLAN header with a group policy, 8 octets behind the same UDP port (draft-smith-vxlan-group-policy section 2).

 0               1               2               3
+---------------+---------------+---------------+---------------+
|G|R|R|R|I|R|R|R|R|D|R|R|A|R|R|R|        group policy id        |
+---------------+---------------+---------------+---------------+
|                      VNI                      |   reserved    |
+---------------+---------------+---------------+---------------+
"""

from __future__ import annotations

from typing import Self

from weft.values import Malformed, Truncated, WireError
from weft.wire.encap.tunnel import UDP, Fields, Part, Tunnel
from weft.wire.encap.vxlan import FLAG_I, LENGTH, PARTS
from weft.wire.ethernet import TRANSPARENT_BRIDGING

FLAG_G = 0x80
FLAG_D = 0x40
FLAG_A = 0x08


class VxlanGbp(Tunnel, frozen=True, gc=False):
    """`policy`: the source's group, None without one (plain VXLAN; the flags are then without meaning).

    `dont_learn`: the receiver should not learn the source; `applied`: policy has been applied to this packet.
    """

    vni: int
    policy: int | None = None
    dont_learn: bool = False
    applied: bool = False

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 8 octets. Faults: Truncated, Malformed (the I flag is clear)."""
        if len(data) < offset + LENGTH:
            return None, offset, Truncated("a VXLAN header", LENGTH, len(data) - offset, offset)
        first, second = data[offset], data[offset + 1]
        number = int.from_bytes(data[offset + 4 : offset + 7], "big")
        if first & FLAG_G:
            policy = data[offset + 2] << 8 | data[offset + 3]
            header = cls(number, policy, bool(second & FLAG_D), bool(second & FLAG_A))
        else:
            header = cls(number)
        fault = None if first & FLAG_I else Malformed("the VXLAN I flag is clear, so the VNI is not valid", offset)
        return header, offset + LENGTH, fault

    def pack(self) -> bytes:
        number = (self.vni << 8).to_bytes(4, "big")
        if self.policy is None:
            return bytes((FLAG_I, 0, 0, 0)) + number
        second = (FLAG_D if self.dont_learn else 0) | (FLAG_A if self.applied else 0)
        return bytes((FLAG_I | FLAG_G, second)) + self.policy.to_bytes(2, "big") + number

    @property
    def payload(self) -> int:
        return TRANSPARENT_BRIDGING

    def fields(self, octets: bytes) -> Fields:
        grouped = self.policy is not None
        return {
            "vni": self.vni,
            "flags": octets[0],
            "policy": self.policy,
            "protocol": None,
            "dont_learn": self.dont_learn if grouped else None,
            "applied": self.applied if grouped else None,
        }

    def parts(self) -> tuple[Part, ...]:
        if self.policy is None:
            return PARTS
        fields = (("flags", 1), ("policy flags", 1), ("group policy id", 2), ("VNI", 3), ("reserved", 1))
        return (UDP, Part("VXLAN", fields))
