"""STT frames: cut into segments by the sender, and their inner sums finished by the receiver (draft-davie-stt-08)."""

from __future__ import annotations

from collections.abc import Iterator

from weft.values import Ip, Malformed, Truncated
from weft.wire import ethernet
from weft.wire.checksum import checksum
from weft.wire.encap.stt import FRAME_MAX_OCTETS, IPV4, PARTIAL, TCP, Stt, SttSegment

_TCP_SUM, _UDP_SUM = 16, 6
_IPV6_LENGTH = 40


def segments(header: Stt, frame: bytes, *, src: Ip, dst: Ip, sport: int, id: int, max_octets: int) -> Iterator[bytes]:
    """The IP payloads that carry `frame` (untagged Ethernet), in order, each at most `max_octets` long.

    `sport` and `id` are the same in all of them (section 3); `id` must not come again soon. Raises Malformed if the
    frame is longer than 65517 octets, or `max_octets` leaves no room behind the 20 of the segment's header.
    """
    if len(frame) > FRAME_MAX_OCTETS:
        raise Malformed(f"a frame of {len(frame)} octets is too long for STT: at most {FRAME_MAX_OCTETS}")
    room = max_octets - 20
    if room < 1:
        raise Malformed(f"segments of {max_octets} octets have no room for STT")
    whole = header.pack() + frame
    for offset in range(0, len(whole), room):
        piece = whole[offset : offset + room]
        segment = SttSegment(sport, len(whole), offset, id, last=offset + room >= len(whole))
        yield segment.pack(src.octets, dst.octets, piece) + piece


def finish_checksum(header: Stt, frame: bytes) -> bytes:
    """The frame with its inner TCP or UDP sum complete, if the sender left it partial (flag P).

    The field then holds the sum of the pseudo header (section 3), so the sum of everything from there on is the one
    that was meant. Must be done before anyone checks the sum. Raises Truncated, Malformed: flags or offset do not fit.
    """
    if not header.flags & PARTIAL:
        return frame
    start, end = header.l4_offset, _ip_end(header, frame)
    at = start + (_TCP_SUM if header.flags & TCP else _UDP_SUM)
    if at + 2 > end:
        raise Malformed(f"STT L4 offset {start} leaves no room for a checksum")
    total = checksum(frame[start:end])
    if not total and not header.flags & TCP:
        total = 0xFFFF  # RFC 768: a sum of 0 is sent as all ones
    return frame[:at] + total.to_bytes(2, "big") + frame[at + 2 :]


def _ip_end(header: Stt, frame: bytes) -> int:
    """Where the inner IP packet ends, which must be what the header says it is, and begin before its L4 header."""
    v4 = bool(header.flags & IPV4)
    need = ethernet.LENGTH + (20 if v4 else _IPV6_LENGTH)
    if len(frame) < need:
        raise Truncated("a frame with a partial checksum", need, len(frame))
    ethertype = frame[12] << 8 | frame[13]
    if ethertype != (ethernet.IPV4 if v4 else ethernet.IPV6):
        raise Malformed(f"STT flags {header.flags:#04x} do not fit a frame of type {ethertype:#06x}", 12)
    ip_octets = max((frame[14] & 0xF) * 4, 20) if v4 else _IPV6_LENGTH
    if header.l4_offset < ethernet.LENGTH + ip_octets:
        raise Malformed(f"STT L4 offset {header.l4_offset} lies within the IP header")
    length = frame[16] << 8 | frame[17] if v4 else (frame[18] << 8 | frame[19]) + _IPV6_LENGTH
    end = ethernet.LENGTH + length
    if end > len(frame):
        raise Truncated("the packet in an STT frame", length, len(frame) - ethernet.LENGTH, ethernet.LENGTH)
    return end
