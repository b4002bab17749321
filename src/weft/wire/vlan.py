"""VLAN tag, 4 octets behind the two addresses or behind another tag (IEEE 802.1Q clause 9).

The tag protocol identifier stands where an EtherType would, so the header in front holds it; what is left is

     0               1               2               3
    +-----+-+-----------------------+-------------------------------+
    | PCP |D|          VID          |       EtherType behind        |
    +-----+-+-----------------------+-------------------------------+
"""

from __future__ import annotations

import struct

from weft.values import Truncated
from weft.wire import ethernet
from weft.wire.header import Header

LENGTH = 4
TAGS = frozenset((ethernet.VLAN, ethernet.QINQ, 0x9100))
"""EtherTypes that announce a tag: 802.1Q, 802.1ad, and what was used for QinQ before 802.1ad."""
_FORMAT = struct.Struct("!HH")


class Vlan(Header, frozen=True, gc=False):
    """`pcp`: priority, 0..7; `dei`: may be dropped first."""

    vid: int
    ethertype: int
    pcp: int = 0
    dei: bool = False

    @classmethod
    def parse(cls, data: bytes, offset: int = 0) -> tuple[Vlan, int]:
        """Read 4 octets at `offset`. Raises Truncated."""
        if len(data) < offset + LENGTH:
            raise Truncated("a VLAN tag", LENGTH, len(data) - offset, offset)
        tci, ethertype = _FORMAT.unpack_from(data, offset)
        return cls(tci & 0xFFF, ethertype, tci >> 13, bool(tci & 0x1000)), offset + LENGTH

    def pack(self) -> bytes:
        return _FORMAT.pack(self.pcp << 13 | self.dei << 12 | self.vid, self.ethertype)
