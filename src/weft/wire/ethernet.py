"""Ethernet II header, 14 octets (IEEE 802.3).

 0                   6                   12        14
+-------------------+-------------------+---------+
|  destination MAC  |    source MAC     |EtherType|
+-------------------+-------------------+---------+
"""

from __future__ import annotations

from weft.values import Mac, Truncated
from weft.wire.header import Header

LENGTH = 14

IPV4 = 0x0800
ARP = 0x0806
VLAN = 0x8100
QINQ = 0x88A8
IPV6 = 0x86DD
MPLS = 0x8847
MPLS_MULTICAST = 0x8848
TRANSPARENT_BRIDGING = 0x6558
"""Ethernet itself, as a protocol type of GRE and Geneve."""


class Ethernet(Header, frozen=True, gc=False):
    dst: Mac
    src: Mac
    ethertype: int

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Ethernet, int]:
        """Read 14 octets at `offset`. Raises Truncated."""
        end = offset + LENGTH
        if len(data) < end:
            raise Truncated("an Ethernet header", LENGTH, len(data) - offset, offset)
        dst, src = Mac(data[offset : offset + 6]), Mac(data[offset + 6 : offset + 12])
        return cls(dst, src, data[offset + 12] << 8 | data[offset + 13]), end

    def pack(self) -> bytes:
        return self.dst.octets + self.src.octets + self.ethertype.to_bytes(2, "big")
