"""STT headers behind IP protocol 6 and port 7471: one that looks like TCP, and the frame's own (draft-davie-stt-08).

Every segment, 20 octets, in the shape of a TCP header without options (section 3):

     0               1               2               3
    +-------------------------------+-------------------------------+
    |     source port: entropy      |             7471              |
    +-------------------------------+-------------------------------+
    |         frame length          |  offset of this segment in it |   for TCP: sequence number
    +-------------------------------+-------------------------------+
    |                      id of the frame                          |   for TCP: acknowledgment number
    +-------+-------+---------------+-------------------------------+
    |   5   |   0   |  ACK, PSH     |            ignored            |
    +-------+-------+---------------+-------------------------------+
    |   checksum, as that of TCP    |            ignored            |
    +-------------------------------+-------------------------------+

The frame's header, 18 octets, only in the segment with offset 0 (section 3), and behind it the untagged frame:

    +---------------+---------------+---------------+---------------+
    |  version: 0   |     flags     |   L4 offset   |   reserved    |
    +---------------+---------------+-----+-+-------+---------------+
    |   maximum segment size (MSS)  | PCP |V|         VID           |
    +-------------------------------+-----+-+-----------------------+
    |                     context id, 8 octets                      |
    +-------------------------------+-------------------------------+
    |      padding, 2 octets        |
    +-------------------------------+

The frame length counts the frame's header too. There is no connection: a TCP engine may cut the segments, because the
offset is where it counts up. Segmenting and finishing sums: see `stt_frame`; the other way: `weft.wire.reassembly`.
"""

from __future__ import annotations

import struct
from typing import Self

from weft.values import Malformed, Truncated, WireError
from weft.wire import tcp
from weft.wire.checksum import checksum, pseudo_header_sum
from weft.wire.encap.tunnel import Fields, Part, Tunnel
from weft.wire.ethernet import TRANSPARENT_BRIDGING
from weft.wire.header import Header

PORT = 7471
PROTOCOL = 6
SEGMENT_LENGTH = tcp.LENGTH
FRAME_LENGTH = 18
FRAME_MAX_OCTETS = 0xFFFF - FRAME_LENGTH
"""The largest Ethernet frame: the frame length has 16 bits and counts the header."""
VERIFIED, PARTIAL, IPV4, TCP = 0x01, 0x02, 0x04, 0x08
"""Flags of the frame: checksum verified, checksum partial, IPv4, TCP. The draft draws the lowest bit on the left."""
_FORMAT = struct.Struct("!BBBxHHQ2x")
FOREIGN_FLAGS = tcp.SYN | tcp.FIN | tcp.RST
"""Never set in a segment: they are what a TCP connection begins and ends with."""
_TAGGED = 0x1000


class SttSegment(Header, frozen=True, gc=False):
    """`frame_length` and `offset` are in octets; `last`: the sender says that no segment follows (PSH)."""

    sport: int
    frame_length: int
    offset: int
    id: int
    last: bool = False
    dport: int = PORT

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 20 octets; `data` ends where the packet does. Faults: Truncated, Malformed (options, flags, lengths).

        The sum needs the addresses: see `checksum.is_valid_behind_ip`.
        """
        header, end, fault = tcp.Tcp.dissect(data, offset)
        if header is None:
            return None, offset, fault
        length, place = header.seq >> 16, header.seq & 0xFFFF
        segment = cls(header.sport, length, place, header.ack, bool(header.flags & tcp.PSH), header.dport)
        if end != offset + SEGMENT_LENGTH:
            fault = fault or Malformed("an STT segment has no TCP options", offset + 12)
        elif header.flags & FOREIGN_FLAGS:
            fault = Malformed(f"TCP flags {header.flags:#04x} are none of an STT segment", offset + 13)
        elif not length:
            fault = Malformed("the STT frame length is 0", offset + 4)
        elif place + len(data) - end > length:
            fault = Malformed(f"an STT segment runs past its frame of {length} octets", offset + 6)
        return segment, end, fault

    def pack(self, src: bytes, dst: bytes, payload: bytes = b"") -> bytes:
        """The header; its checksum covers `payload` and the addresses, 4 or 16 octets each."""
        flags = tcp.ACK | (tcp.PSH if self.last else 0)
        header = tcp.Tcp(self.sport, self.dport, self.frame_length << 16 | self.offset, self.id, flags).pack()
        start = pseudo_header_sum(src, dst, PROTOCOL, len(header) + len(payload))
        return header[:16] + checksum(header + payload, start).to_bytes(2, "big") + header[18:]


class Stt(Tunnel, frozen=True, gc=False):
    """The frame's header. `l4_offset`: from its end to the inner TCP or UDP header; 0, like `mss`: no offload.

    `vid` (None: no tag) and `pcp` are the tag that the receiver pushes.
    """

    context_id: int
    flags: int = 0
    l4_offset: int = 0
    mss: int = 0
    vid: int | None = None
    pcp: int = 0

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 18 octets. Faults: Truncated, Malformed (version)."""
        if len(data) < offset + FRAME_LENGTH:
            return None, offset, Truncated("an STT frame header", FRAME_LENGTH, len(data) - offset, offset)
        version, flags, l4_offset, mss, tag, context_id = _FORMAT.unpack_from(data, offset)
        vid = tag & 0xFFF if tag & _TAGGED else None
        header = cls(context_id, flags, l4_offset, mss, vid, tag >> 13 if tag & _TAGGED else 0)
        if version:
            return header, len(data), Malformed(f"STT version {version} is not 0", offset)
        return header, offset + FRAME_LENGTH, None

    def pack(self) -> bytes:
        tag = 0 if self.vid is None else self.pcp << 13 | _TAGGED | self.vid
        return _FORMAT.pack(0, self.flags, self.l4_offset, self.mss, tag, self.context_id)

    @property
    def payload(self) -> int:
        return TRANSPARENT_BRIDGING

    def fields(self, octets: bytes) -> Fields:
        return {
            "context_id": self.context_id,
            "mss": self.mss,
            "l4_offset": self.l4_offset,
            "vlan": self.vid,
            "flags": self.flags,
            "pcp": self.pcp if self.vid is not None else None,
        }

    def parts(self) -> tuple[Part, ...]:
        """Of the first segment; each further one has the TCP-shaped header only."""
        fields = (
            ("version", 1),
            ("flags", 1),
            ("L4 offset", 1),
            ("reserved", 1),
            ("MSS", 2),
            ("PCP, V and VID", 2),
            ("context id", 8),
            ("padding", 2),
        )
        return (SEGMENT, Part("STT frame header", fields))


SEGMENT = Part(
    "STT segment header, shaped like TCP",
    (
        ("source port", 2),
        ("destination port", 2),
        ("frame length", 2),
        ("segment offset", 2),
        ("frame id", 4),
        ("data offset and flags", 2),
        ("window", 2),
        ("checksum", 2),
        ("urgent pointer", 2),
    ),
)
NO_FRAME: Fields = dict.fromkeys(("context_id", "mss", "l4_offset", "vlan", "flags", "pcp"))
"""What `dissect` shows of the frame's header where a segment has none."""
