"""Putting together what arrived in pieces: IPv4 fragments (RFC 791 section 3.2) and STT segments. Pure: `now` is given.

Memory is bounded, because strangers send pieces: in all, per source, and in the number of packets under way. Who is
over the bound loses his oldest packet; a full house loses the oldest of all. A piece that overlaps is refused: no
sender has a use for it, and two readings of one packet are an attack (RFC 5722 section 3). A copy is only ignored.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct, structs

from weft.values import Ip
from weft.wire.encap.stt import SttSegment
from weft.wire.ipv4 import Ipv4

H = TypeVar("H")
"""The header that comes with each piece."""

PIECE_OCTETS = 128
"""What keeping a piece costs besides its octets: a bound that did not count it would let tiny pieces eat the memory."""
PACKET_MAX_OCTETS = 0xFFFF
CE = 3


class Refused(StrEnum):
    """Why a piece, or a whole packet with all its pieces, was thrown away."""

    EMPTY = "a piece without octets"
    TOO_LONG = "a piece that lies beyond the largest packet or the packet's end"
    MISALIGNED = "a fragment that is not the last and does not hold a multiple of 8 octets"
    OVERLAP = "a piece that overlaps another"
    LENGTH_DIFFERS = "a piece that gives the packet another length"
    TIMEOUT = "a packet whose last piece did not come in time"
    SOURCE_FULL = "the oldest packet of a source that has too much under way"
    FULL = "the oldest packet of all, for there was too much under way"


class Limits(Struct, frozen=True):
    """Defaults: what the old Open vSwitch kernel module had for STT, and a quarter of its memory for one source."""

    timeout_s: float = 30.0
    octets: int = 4 << 20
    source_octets: int = 1 << 20
    packets: int = 256


class Whole(Struct, Generic[H], frozen=True):
    """A packet put together, and the `header` that came with its first piece.

    `ce`: some piece bore a congestion mark, which the packet must bear (RFC 3168 section 5.3).
    """

    header: H
    octets: bytes
    ce: bool


class _Packet(Generic[H]):
    """Pieces of one packet, in order and without overlap."""

    __slots__ = ("ce", "cost", "have", "header", "offsets", "pieces", "since", "source", "total")

    def __init__(self, source: Hashable, now: float, header: H) -> None:
        self.source, self.since, self.header = source, now, header
        self.total: int | None = None
        self.offsets: list[int] = []
        self.pieces: list[bytes] = []
        self.have = self.cost = 0
        self.ce = False

    def add(self, offset: int, octets: bytes, total: int | None) -> Refused | bool:
        """Whether the piece is new, or why it is refused; a refused piece leaves no trace."""
        end = offset + len(octets)
        last = self.offsets[-1] + len(self.pieces[-1]) if self.offsets else 0
        if total is not None and (last > total or self.total not in (None, total)):
            return Refused.LENGTH_DIFFERS
        if self.total is not None and end > self.total:
            return Refused.TOO_LONG
        at = bisect_right(self.offsets, offset)
        before = self.offsets[at - 1] + len(self.pieces[at - 1]) if at else 0
        if before > offset or (at < len(self.offsets) and self.offsets[at] < end):
            copy = at > 0 and self.offsets[at - 1] == offset and self.pieces[at - 1] == octets
            return False if copy else Refused.OVERLAP
        self.offsets.insert(at, offset)
        self.pieces.insert(at, octets)
        self.have += len(octets)
        self.cost += len(octets) + PIECE_OCTETS
        self.total = total if total is not None else self.total
        return True

    @property
    def complete(self) -> bool:
        return self.have == self.total


class Reassembly(Generic[H]):
    """Packets under way. `refused` counts what was thrown away, by reason.

    `now` is in seconds from any start; it must not go back.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.refused: Counter[Refused] = Counter()
        self.octets = 0
        self._by_source: Counter[Hashable] = Counter()
        self._packets: dict[Hashable, _Packet[H]] = {}  # oldest first: a dictionary keeps the order of its keys

    def __len__(self) -> int:
        """How many packets are under way."""
        return len(self._packets)

    def add(
        self,
        key: Hashable,
        offset: int,
        octets: bytes,
        *,
        source: Hashable,
        total: int | None,
        now: float,
        header: H,
        ce: bool = False,
    ) -> Whole[H] | Refused | None:
        """Take a piece of the packet `key`. Returns it whole, why the piece is refused, or None: more must come.

        `total`: the packet's length in octets if this piece tells it. `source`: who pays for the memory. `header` is
        kept from the piece at offset 0.
        """
        self.expire(now)
        wrong = _check(offset, octets, total)
        if wrong is not None:
            return self.refuse(wrong)
        packet = self._packets.get(key)
        if packet is None:
            packet = self._packets[key] = _Packet(source, now, header)
        cost = packet.cost
        taken = packet.add(offset, octets, total)
        if isinstance(taken, Refused):
            return self.refuse(taken)
        packet.ce |= ce
        if offset == 0 and taken:
            packet.header = header
        self._charge(packet.source, packet.cost - cost)
        if packet.complete:
            self._forget(key)
            return Whole(packet.header, b"".join(packet.pieces), packet.ce)
        self._make_room(packet.source)
        return None

    def expire(self, now: float) -> None:
        """Throw away packets that are too old."""
        while self._packets:
            key = next(iter(self._packets))
            if now - self._packets[key].since < self.limits.timeout_s:
                break
            self._drop(key, Refused.TIMEOUT)

    def refuse(self, reason: Refused) -> Refused:
        """Count a piece that is thrown away."""
        self.refused[reason] += 1
        return reason

    def _make_room(self, source: Hashable) -> None:
        while self._by_source[source] > self.limits.source_octets:
            oldest = next(key for key, packet in self._packets.items() if packet.source == source)
            self._drop(oldest, Refused.SOURCE_FULL)
        while self.octets > self.limits.octets or len(self._packets) > self.limits.packets:
            self._drop(next(iter(self._packets)), Refused.FULL)

    def _drop(self, key: Hashable, reason: Refused) -> None:
        self._forget(key)
        self.refused[reason] += 1

    def _forget(self, key: Hashable) -> None:
        packet = self._packets.pop(key)
        self._charge(packet.source, -packet.cost)

    def _charge(self, source: Hashable, octets: int) -> None:
        self.octets += octets
        self._by_source[source] += octets
        if not self._by_source[source]:
            del self._by_source[source]


def _check(offset: int, octets: bytes, total: int | None) -> Refused | None:
    if not octets:
        return Refused.EMPTY
    if offset + len(octets) > min(PACKET_MAX_OCTETS, PACKET_MAX_OCTETS if total is None else total):
        return Refused.TOO_LONG
    return None


class Ipv4Reassembly:
    """IPv4 fragments -> packets."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.pieces: Reassembly[Ipv4] = Reassembly(limits)

    def add(self, header: Ipv4, payload: bytes, now: float) -> bytes | Refused | None:
        """Take a packet, `payload` cut to its total length. Returns the whole packet with a header of its own, why the
        fragment is refused, or None: more must come. What is no fragment comes back at once."""
        if not header.is_fragment:
            return header.pack() + payload
        if header.mf and len(payload) % 8:
            return self.pieces.refuse(Refused.MISALIGNED)
        whole = self.pieces.add(
            (header.src, header.dst, header.protocol, header.id),
            header.fragment_offset,
            payload,
            source=header.src,
            total=None if header.mf else header.fragment_offset + len(payload),
            now=now,
            header=header,
            ce=header.tos & 3 == CE,
        )
        if not isinstance(whole, Whole):
            return whole
        length = 20 + len(whole.header.options) + len(whole.octets)
        if length > PACKET_MAX_OCTETS:
            return self.pieces.refuse(Refused.TOO_LONG)
        tos = whole.header.tos | CE if whole.ce else whole.header.tos
        return structs.replace(whole.header, total_length=length, mf=False, tos=tos).pack() + whole.octets


class SttReassembly:
    """STT segments -> frames."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.pieces: Reassembly[SttSegment] = Reassembly(limits)

    def add(
        self, segment: SttSegment, payload: bytes, *, src: Ip, dst: Ip, now: float, ce: bool = False
    ) -> Whole[SttSegment] | Refused | None:
        """Take a segment and what follows its header. Returns the frame's header and frame, why the segment is
        refused, or None: more must come. `ce`: its outer IP header has a congestion mark.

        The frame length is not part of the key: a segment that gives another one is refused, not kept apart.
        """
        return self.pieces.add(
            (src, dst, segment.sport, segment.id),
            segment.offset,
            payload,
            source=src,
            total=segment.frame_length,
            now=now,
            header=segment,
            ce=ce,
        )
