"""Puts packets together that were captured in pieces: IPv4 fragments and STT segments, at any nesting level."""

from __future__ import annotations

from weft.capture.columns import Columns, EncapCode, Level
from weft.capture.fetch import Flags
from weft.capture.walk import Octets
from weft.values import Ip, WireError
from weft.wire import ipv6
from weft.wire.encap.stt import PROTOCOL, SttSegment
from weft.wire.ipv4 import Ipv4
from weft.wire.ipv6 import Ipv6
from weft.wire.reassembly import Ipv4Reassembly, SttReassembly, Whole

_IP_MAX_OCTETS = 0xFFFF
_S = 1e-9
_FRAGMENT_BITS = 0x3FFF


def pieces(columns: Columns, cut: Flags) -> dict[int, tuple[int, int]]:
    """row -> (number of the level, place in it) of the outermost piece in each packet. `cut`: rows that the capture
    cut short, which nobody can put together."""
    found: dict[int, tuple[int, int]] = {}
    for number, level in enumerate(columns.levels):
        for place in (level.partial & ~cut[level.row]).nonzero()[0].tolist():
            found.setdefault(int(level.row[place]), (number, place))
    return found


def is_segment(octets: Octets, level: Level, place: int) -> bool:
    """Whether a piece is an STT segment in an IP packet that is whole, without extension headers in front of it."""
    network = int(level.network[place])
    if level.encap[place] != EncapCode.STT:
        return False
    if level.version[place] == 6:
        return bool(level.payload[place] == network + ipv6.LENGTH)
    return not (int(octets[network + 6]) << 8 | int(octets[network + 7])) & _FRAGMENT_BITS


class Joiner:
    """Pieces under way. Memory is bounded by the limits of `weft.wire.reassembly`."""

    def __init__(self) -> None:
        self._fragments = Ipv4Reassembly()
        self._segments = SttReassembly()
        self._now_s = 0.0

    def join(self, octets: Octets, level: Level, place: int, time_ns: int) -> bytes | None:
        """Take a piece. Returns the whole packet from the level's beginning on, once the last piece has come.

        It is as one packet would have been: IP says no fragment, STT one segment. Pieces that are not right
        (`weft.wire.reassembly`), and IPv6 fragments, give None.
        """
        self._now_s = max(self._now_s, time_ns * _S)  # times in a capture may go back, expiry must not
        start, network, payload, end = (
            int(column[place]) for column in (level.start, level.network, level.payload, level.end)
        )
        ip = octets[network:payload].tobytes()
        body = octets[payload:end].tobytes()
        try:
            header = Ipv4.parse(ip)[0] if level.version[place] == 4 else Ipv6.parse(ip)[0]
            if isinstance(header, Ipv4) and header.is_fragment:
                joined = self._fragments.add(header, body, self._now_s)
            elif level.encap[place] == EncapCode.STT:
                joined = self._join_segment(header, body)
            else:
                joined = None
        except WireError:
            return None
        return octets[start:network].tobytes() + joined if isinstance(joined, bytes) else None

    def _join_segment(self, outer: Ipv4 | Ipv6, body: bytes) -> bytes | None:
        """`body`: the segment with its header. Raises WireError."""
        segment, end = SttSegment.parse(body)
        whole = self._segments.add(segment, body[end:], src=outer.src, dst=outer.dst, now=self._now_s)
        if not isinstance(whole, Whole):
            return None
        one = SttSegment(segment.sport, segment.frame_length, 0, segment.id, last=True)
        payload = one.pack(outer.src.octets, outer.dst.octets, whole.octets) + whole.octets
        return ip_header(outer.src, outer.dst, PROTOCOL, len(payload)) + payload


def ip_header(src: Ip, dst: Ip, protocol: int, payload_octets: int) -> bytes:
    """An outer IP header; a length that does not fit is 0, as segmentation offload leaves it (jumbograms alike)."""
    if src.version == 6:
        length = payload_octets if payload_octets <= _IP_MAX_OCTETS else 0
        return Ipv6(src=src, dst=dst, next_header=protocol, payload_length=length).pack()
    total = 20 + payload_octets
    total = total if total <= _IP_MAX_OCTETS else 0
    return Ipv4(src=src, dst=dst, protocol=protocol, total_length=total, df=True).pack()
