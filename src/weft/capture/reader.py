"""Opens a capture and gives its packets in blocks, however long the file is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from types import TracebackType

import numpy as np
import numpy.typing as npt

from weft.capture.columns import Columns, Reading
from weft.capture.decode import decode
from weft.capture.formats import MOST_OCTETS, PAD_OCTETS, Format, Records
from weft.capture.links import ETHERNET
from weft.capture.pcap import HEADER_OCTETS, Pcap
from weft.capture.pcapng import MAGIC, Pcapng
from weft.capture.source import BadGzip, Source, open_source
from weft.capture.walk import Octets, Positions
from weft.values import Malformed

BLOCK_OCTETS = 8 << 20
"""How much of the file one block covers: it stays in the processor's cache while it is decoded."""


class BrokenCapture(Malformed):
    """The capture cannot be read beyond octet `offset` of the (unpacked) file, where packet `frame` should begin."""

    def __init__(self, what: str, offset: int, frame: int) -> None:
        super().__init__(f"the capture is broken at octet {offset}, in packet {frame}: {what}", offset)
        self.frame = frame


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some packets of a capture, one row each; the arrays are the caller's to keep.

    `first`: the number of the first packet, counted from 1 over the whole file. `octets`: uint8, a piece of the
    file, zeros behind its end. `start`: int64, where each packet begins in `octets`. `captured`, `length`: int64,
    octets in the file and on the wire. `time_ns`: int64, since 1970. `link`: int32, the LINKTYPE.
    """

    first: int
    octets: Octets
    start: Positions
    captured: Positions
    length: Positions
    time_ns: Positions
    link: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(cls, packet: bytes, link: int = ETHERNET, time_ns: int = 0) -> Block:
        """One packet as a block."""
        octets = np.frombuffer(packet + bytes(PAD_OCTETS), np.uint8)
        length = np.array([len(packet)])
        return cls(1, octets, np.array([0]), length, length, np.array([time_ns]), np.array([link], np.int32))

    def columns(self, depth: int = 8, reading: Reading = Reading.NVGRE) -> Columns:
        """The packets' headers, up to `depth` tunnels inside one another."""
        return decode(self.octets, self.start, self.captured, self.length, self.link, depth, reading)

    def packet(self, row: int) -> bytes:
        """The octets of one packet."""
        start = int(self.start[row])
        return self.octets[start : start + int(self.captured[row])].tobytes()


class Capture:
    """A capture file, read once from the beginning to the end. Use it in a `with` statement."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    @property
    def progress(self) -> float | None:
        """The share of the file that has been read, 0 to 1; None if its size is not known."""
        return self._source.consumed / self._source.size if self._source.size else None

    def blocks(self) -> Iterator[Block]:
        """All packets in order. Raises BrokenCapture after the last packet that could be read, and OSError."""
        stream = _Stream(self._source)
        while (block := stream.next_block()) is not None:
            yield block

    def columns(self, depth: int = 8, reading: Reading = Reading.NVGRE) -> Iterator[tuple[Block, Columns]]:
        """Each block with its headers decoded; see `Columns`. Raises as `blocks` does."""
        for block in self.blocks():
            yield block, block.columns(depth, reading)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """(time in ns since 1970, octets) of every packet. Raises as `blocks` does."""
        for block in self.blocks():
            for row, time_ns in enumerate(block.time_ns.tolist()):
                yield time_ns, block.packet(row)


def open_capture(name: str | PathLike[str]) -> Capture:
    """Open a pcap or pcapng file, possibly gzipped; `-` is standard input. Raises OSError."""
    return Capture(open_source(name))


class _Stream:
    """The unread rest of the last buffer, and where in the file it stands."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rest: Octets = np.empty(0, np.uint8)
        self._offset = 0
        self._frame = 1
        self._format: Format | None = None
        self._failure: BrokenCapture | None = None

    def next_block(self) -> Block | None:
        """The next packets, at least one; None at the end. Raises BrokenCapture, OSError."""
        while self._failure is None:
            octets, end, last = self._read()
            if self._format is None and (begun := self._begin(octets, end, last)):
                octets, end = octets[begun:], end - begun
            if self._format is None:
                self._rest = octets[:end]
            else:
                records = self._format.index(octets, end)
                self._account(records, octets, end, last)
                if len(records.start):
                    return self._block(records, octets)
            if last and not len(self._rest) and self._failure is None:
                return None
        raise self._failure

    def _read(self) -> tuple[Octets, int, bool]:
        """(buffer, octets in it, whether they are the last)."""
        held = len(self._rest)
        octets = np.empty(max(BLOCK_OCTETS, 2 * MOST_OCTETS) + PAD_OCTETS, np.uint8)
        octets[:held] = self._rest
        count = 0
        try:
            count = self._source.readinto(octets.data[held:-PAD_OCTETS])
        except BadGzip as error:
            self._failure = self._broken(str(error), self._offset + held)
        end = held + count
        octets[end : end + PAD_OCTETS] = 0
        return octets, end, count == 0

    def _begin(self, octets: Octets, end: int, last: bool) -> int:
        """Recognise the format once its header is there; returns the octets that are done with."""
        magic = octets[:4].tobytes()
        if end >= 4 and magic == MAGIC:
            self._format = Pcapng()
            return 0
        if end < HEADER_OCTETS:
            if last and self._failure is None:
                self._failure = self._broken("there is no whole file header", end)
            return 0
        try:
            self._format = Pcap(octets[:HEADER_OCTETS].tobytes())
        except Malformed as error:
            self._failure = self._broken(str(error), 0)
            return 0
        self._offset = HEADER_OCTETS
        return HEADER_OCTETS

    def _account(self, records: Records, octets: Octets, end: int, last: bool) -> None:
        at = self._offset + records.used
        frame = self._frame + len(records.start)
        if records.problem:
            self._failure = BrokenCapture(records.problem, at, frame)
        elif last and not records.used and end and self._failure is None:
            self._failure = BrokenCapture(f"the file ends {end} octets into it", at, frame)
        self._rest = octets[records.used : end]
        self._offset = at

    def _block(self, records: Records, octets: Octets) -> Block:
        first = self._frame
        self._frame += len(records.start)
        columns = (records.start, records.captured, records.length, records.time_ns, records.link)
        return Block(first, octets, *columns)

    def _broken(self, what: str, offset: int) -> BrokenCapture:
        return BrokenCapture(what, offset, self._frame)
