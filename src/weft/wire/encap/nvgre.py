"""NVGRE header, 8 octets, IP protocol 47 (RFC 7637 section 3.2): keyed GRE that carries Ethernet.

     0               1               2               3
    +-+-+-+-+---------------+-------+-------------------------------+
    |0|0|1|0|       0       |   0   |     0x6558, Ethernet          |
    +-+-+-+-+---------------+-------+---------------+---------------+
    |        VSID, virtual subnet identifier        |    FlowID     |
    +-----------------------------------------------+---------------+

On the wire nothing tells it from any other Ethernet in keyed GRE: what a remote is configured for decides.
The inner frame has no VLAN tag, and a receiver must drop one that has (section 3.3).
"""

from __future__ import annotations

from typing import Self

from weft.values import Malformed, Truncated, WireError
from weft.wire.encap.tunnel import Fields, Part, Tunnel
from weft.wire.ethernet import TRANSPARENT_BRIDGING
from weft.wire.vlan import TAGS

LENGTH = 8
VSID_MIN, VSID_MAX = 0x001000, 0xFFFFFE
"""What a network may use; the others are reserved (section 3.2). Never send them."""
_START = bytes((0x20, 0x00, 0x65, 0x58))
_INNER_ETHERTYPE = LENGTH + 12


class Nvgre(Tunnel, frozen=True, gc=False):
    """`flow_id`: entropy, the same for one flow; 0 if none."""

    vsid: int
    flow_id: int = 0

    @classmethod
    def parse(cls, data: bytes, offset: int = 0, *, allow_inner_vlan: bool = False) -> tuple[Self, int]:
        """Read 8 octets. Raises Truncated, Malformed (other GRE; a VLAN tag inside, unless allowed)."""
        header, end = super().parse(data, offset)
        ethertype = data[offset + _INNER_ETHERTYPE : offset + _INNER_ETHERTYPE + 2]
        if int.from_bytes(ethertype, "big") in TAGS and not allow_inner_vlan:
            raise Malformed("the frame in NVGRE has a VLAN tag", offset + _INNER_ETHERTYPE)
        return header, end

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 8 octets. Faults: Truncated, Malformed (other GRE)."""
        if len(data) < offset + LENGTH:
            return None, offset, Truncated("an NVGRE header", LENGTH, len(data) - offset, offset)
        if data[offset : offset + 4] != _START:
            found = data[offset : offset + 4].hex()
            return None, offset, Malformed(f"NVGRE begins with {_START.hex()}, not {found}", offset)
        key = int.from_bytes(data[offset + 4 : offset + LENGTH], "big")
        return cls(key >> 8, key & 0xFF), offset + LENGTH, None

    def pack(self) -> bytes:
        return _START + (self.vsid << 8 | self.flow_id).to_bytes(4, "big")

    @property
    def payload(self) -> int:
        return TRANSPARENT_BRIDGING

    def fields(self, octets: bytes) -> Fields:
        return {"vsid": self.vsid, "flow_id": self.flow_id}

    def parts(self) -> tuple[Part, ...]:
        return (Part("NVGRE", (("flags and version", 2), ("protocol type", 2), ("VSID", 3), ("FlowID", 1))),)
