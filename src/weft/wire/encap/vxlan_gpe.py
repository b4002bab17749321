"""VXLAN header with a protocol, 8 octets behind UDP port 4790 (draft-ietf-nvo3-vxlan-gpe-13 section 3).

 0               1               2               3
+---------------+---------------+---------------+---------------+
|R|R|Ver|I|P|B|O|           reserved            | next protocol |
+---------------+---------------+---------------+---------------+
|                      VNI                      |   reserved    |
+---------------+---------------+---------------+---------------+
"""

from __future__ import annotations

from typing import Self

from weft.values import Malformed, Truncated, WireError
from weft.wire import ethernet
from weft.wire.encap.tunnel import UDP, Fields, Part, Tunnel
from weft.wire.encap.vxlan import FLAG_I, LENGTH

PORT = 4790
FLAG_P = 0x04
FLAG_B = 0x02
FLAG_O = 0x01
_VERSION = 0x30
IPV4, IPV6, ETHERNET, NSH, MPLS = range(1, 6)
ETHERTYPES = {
    IPV4: ethernet.IPV4,
    IPV6: ethernet.IPV6,
    ETHERNET: ethernet.TRANSPARENT_BRIDGING,
    NSH: 0x894F,
    MPLS: ethernet.MPLS,
}


class VxlanGpe(Tunnel, frozen=True, gc=False):
    """`protocol`: the next protocol, Ethernet where the P flag is clear. `bum`: an ingress replicated this frame.

    `oam`: a control message, whose payload is never forwarded.
    """

    vni: int
    protocol: int = ETHERNET
    bum: bool = False
    oam: bool = False

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 8 octets. Faults: Truncated, Malformed (version, I flag clear, unknown next protocol)."""
        if len(data) < offset + LENGTH:
            return None, offset, Truncated("a VXLAN-GPE header", LENGTH, len(data) - offset, offset)
        flags = data[offset]
        protocol = data[offset + 3] if flags & FLAG_P else ETHERNET
        number = int.from_bytes(data[offset + 4 : offset + 7], "big")
        fault: WireError | None = None
        if flags & _VERSION:
            fault = Malformed(f"VXLAN-GPE version {(flags & _VERSION) >> 4} is not 0", offset)
        elif not flags & FLAG_I:
            fault = Malformed("the VXLAN-GPE I flag is clear, so the VNI is not valid", offset)
        elif protocol not in ETHERTYPES:
            fault = Malformed(f"VXLAN-GPE next protocol {protocol} is unknown", offset + 3)
        return cls(number, protocol, bool(flags & FLAG_B), bool(flags & FLAG_O)), offset + LENGTH, fault

    def pack(self) -> bytes:
        flags = FLAG_I | FLAG_P | (FLAG_B if self.bum else 0) | (FLAG_O if self.oam else 0)
        return bytes((flags, 0, 0, self.protocol)) + (self.vni << 8).to_bytes(4, "big")

    @property
    def payload(self) -> int | None:
        return ETHERTYPES.get(self.protocol)

    def fields(self, octets: bytes) -> Fields:
        return {
            "vni": self.vni,
            "flags": octets[0],
            "policy": None,
            "protocol": self.protocol,
            "dont_learn": None,
            "applied": None,
        }

    def parts(self) -> tuple[Part, ...]:
        fields = (("flags", 1), ("reserved", 2), ("next protocol", 1), ("VNI", 3), ("reserved", 1))
        return (UDP, Part("VXLAN-GPE", fields))
