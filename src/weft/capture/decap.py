"""Takes tunnels off captured packets: the outermost one, or all. Whole blocks at a time; times are kept.

What a tunnel carries without an Ethernet header gets one, with the addresses of the outer one. STT segments are put
together, unfinished checksums finished and VLAN tags pushed, as a receiver does. IPv4 fragments stay as they are.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from weft.capture import links
from weft.capture.columns import Columns, EncapCode, Level
from weft.capture.fetch import Flags, fetch, octet, u16
from weft.capture.joining import Joiner, is_segment, pieces
from weft.capture.pcap import RECORD_OCTETS, record_headers
from weft.capture.reader import Block
from weft.capture.spans import copy_spans
from weft.capture.walk import Octets, Positions
from weft.values import WireError
from weft.wire import ethernet
from weft.wire.encap import stt
from weft.wire.encap.stt_frame import finish_checksum
from weft.wire.vlan import Vlan

_MAC_OCTETS = 12
_TAGGED = 0x1000
_NO_FRAME = -1


class _Frames:
    """Where the frame that is left of each packet stands: octets[start:end]. `ethertype`: not 0 where it has no
    Ethernet header. `made`: frames that are not in the block; None: nothing is left (a piece, an unknown link)."""

    def __init__(self, block: Block, columns: Columns) -> None:
        self.start = block.start.copy()
        self.end = block.start + block.captured
        self.ethertype: npt.NDArray[np.int32] = np.where(
            block.link == links.ETHERNET, 0, np.maximum(columns.outermost.ethertype, 0)
        )
        unknown = np.flatnonzero(~np.isin(block.link, list(links.STARTS))).tolist()
        self.unknown = len(unknown)
        self.made: dict[int, bytes | None] = dict.fromkeys(unknown)
        self.opened: Flags = np.zeros(len(block), bool)


class Decapsulator:
    """Blocks in, pcap records out. `counts`: packets by what became of them: `opened`, `unchanged`, `pieces` (that
    wait or waited for others) and `unknown` (links that cannot be written as Ethernet)."""

    def __init__(self, every: bool, depth: int = 8) -> None:
        """`every`: all tunnels come off, not only the outermost."""
        self._every = every
        self._depth = depth
        self._joiner = Joiner()
        self.counts: Counter[str] = Counter()

    def records(self, block: Block) -> Octets:
        """The records of a file as `weft.capture.pcap.file_header` begins it."""
        frames = self._frames(block)
        lost = sum(frame is None for frame in frames.made.values())
        opened = int(np.count_nonzero(frames.opened))
        unknown = frames.unknown
        self.counts.update(opened=opened, unchanged=len(block) - opened - lost, pieces=lost - unknown, unknown=unknown)
        length = frames.end - frames.start
        for row, frame in frames.made.items():
            frames.ethertype[row] = 0
            length[row] = _NO_FRAME if frame is None else len(frame)
        length[frames.ethertype > 0] += ethernet.LENGTH
        return _records(block, frames, length)

    def _frames(self, block: Block) -> _Frames:
        columns = block.columns(self._depth)
        frames = _Frames(block, columns)
        cut = block.captured < block.length
        waiting = pieces(columns, cut)
        for packet, (number, place) in waiting.items():
            level = columns.levels[number]
            if is_segment(block.octets, level, place) and (self._every or number == 0):
                self._join(block, frames, packet, level, place)
        levels = columns.levels if self._every else columns.levels[:2]
        for parent, deeper in pairwise(levels):
            opened: Positions = np.flatnonzero(parent.inner >= 0)
            row = parent.row[opened]
            whole = ~(parent.partial[opened] & ~cut[row])
            if frames.made:
                whole &= ~np.isin(row, list(frames.made))
            self._open(block, frames, parent, opened[whole], deeper, np.flatnonzero(whole))
        return frames

    def _open(
        self, block: Block, frames: _Frames, parent: Level, outer: Positions, deeper: Level, inner: Positions
    ) -> None:
        """Move to the next level: rows `outer` of the parent carry rows `inner` of the deeper level."""
        row = parent.row[outer]
        bare = (deeper.network[inner] == deeper.start[inner]) & (deeper.ethertype[inner] > 0)
        frames.start[row] = parent.inner[outer]
        frames.end[row] = parent.end[outer]
        frames.ethertype[row] = np.where(bare, deeper.ethertype[inner], 0)
        frames.opened[row] = True
        is_stt = parent.encap[outer] == EncapCode.STT
        header = fetch(block.octets, parent.inner[outer[is_stt]] - stt.FRAME_LENGTH, stt.FRAME_LENGTH)
        unfinished = (octet(header, 1) & stt.PARTIAL > 0) | (u16(header, 6) & _TAGGED > 0)
        for one in row[is_stt][unfinished].tolist():
            start, end = int(frames.start[one]), int(frames.end[one])
            frame = _finish(block.octets[start - stt.FRAME_LENGTH : end].tobytes())
            frames.made[one] = self._open_one(frame, links.ETHERNET) if self._every else frame

    def _join(self, block: Block, frames: _Frames, row: int, level: Level, place: int) -> None:
        whole = self._joiner.join(block.octets, level, place, int(block.time_ns[row]))
        if whole is None:
            frames.made[row] = None
            return
        link = links.ETHERNET if level.start[place] < level.network[place] else links.RAW
        frames.made[row] = self._open_one(whole, link)
        frames.opened[row] = True

    def _open_one(self, packet: bytes, link: int) -> bytes | None:
        """The frame that is left of one packet."""
        block = Block.of(packet, link)
        frames = self._frames(block)
        if 0 in frames.made:
            return frames.made[0]
        frame = packet[int(frames.start[0]) : int(frames.end[0])]
        ethertype = int(frames.ethertype[0])
        macs = packet[:_MAC_OCTETS] if link == links.ETHERNET else bytes(_MAC_OCTETS)
        return macs + ethertype.to_bytes(2, "big") + frame if ethertype else frame


def _finish(octets: bytes) -> bytes:
    """The frame behind an STT frame header as its receiver delivers it; a checksum that cannot be finished stays."""
    header, end = stt.Stt.parse(octets)
    frame = octets[end:]
    with suppress(WireError):
        frame = finish_checksum(header, frame)
    if header.vid is None or len(frame) < ethernet.LENGTH:
        return frame
    tag = Vlan(header.vid, int.from_bytes(frame[12:14], "big"), header.pcp).pack()
    return frame[:_MAC_OCTETS] + ethernet.VLAN.to_bytes(2, "big") + tag + frame[14:]


def _records(block: Block, frames: _Frames, length: Positions) -> Octets:
    """The frames with record headers; `length` is that of each frame with its Ethernet header, or _NO_FRAME."""
    there = np.flatnonzero(length != _NO_FRAME)
    size = length[there] + RECORD_OCTETS
    place = np.cumsum(size) - size
    octets = np.empty(int(size.sum()), np.uint8)
    made = np.zeros(len(block), bool)
    for row, frame in frames.made.items():
        made[row] = True
        if frame is not None:
            at = int(place[np.searchsorted(there, row)]) + RECORD_OCTETS
            octets[at : at + len(frame)] = np.frombuffer(frame, np.uint8)
    rows = np.flatnonzero(~made[there])
    # A span begins where its headers will be: they are written over whatever stands in front of the frame.
    begin = (frames.end - length - RECORD_OCTETS)[there[rows]]
    roomy = begin >= 0
    copy_spans(block.octets, begin[roomy], octets, place[rows[roomy]], size[rows[roomy]])
    for one in rows[~roomy].tolist():
        start, end, behind = int(frames.start[there[one]]), int(frames.end[there[one]]), int(place[one] + size[one])
        octets[behind - end + start : behind] = block.octets[start:end]
    missing = (block.length - block.captured)[there]
    headers = record_headers(block.time_ns[there], length[there], length[there] + missing)
    _put(octets, place, headers.view("V16"))
    bare = frames.ethertype[there] > 0
    _put(octets, place[bare] + RECORD_OCTETS, _ethernet_headers(block, frames, there[bare]))
    return octets


def _ethernet_headers(block: Block, frames: _Frames, rows: Positions) -> npt.NDArray[np.void]:
    """Headers with the addresses of the packets' outermost ones, or zeros."""
    headers = np.zeros((len(rows), ethernet.LENGTH), np.uint8)
    framed = block.link[rows] == links.ETHERNET
    macs = fetch(block.octets, block.start[rows[framed]], _MAC_OCTETS)
    headers[framed, :_MAC_OCTETS] = macs.view(np.uint8).reshape(-1, _MAC_OCTETS)
    headers[:, _MAC_OCTETS:] = frames.ethertype[rows].astype(">u2").view(np.uint8).reshape(-1, 2)
    return headers.view(f"V{ethernet.LENGTH}")[:, 0]


def _put(octets: Octets, place: Positions, rows: npt.NDArray[np.void]) -> None:
    """Write rows of equal length at any places."""
    if len(rows):
        view: npt.NDArray[np.void] = np.ndarray((len(octets) - rows.itemsize + 1,), rows.dtype, octets, 0, (1,))
        view[place] = rows
