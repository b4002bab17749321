"""What goes through which tunnel: packets, octets, overhead, inner flows and errors per VTEP pair, key and
encapsulation, at every nesting level. Columns in, columns counted: only a new tunnel costs a step of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weft.capture.chosen import Choice, address
from weft.capture.columns import NO_KEY, Columns, EncapCode, Level
from weft.capture.fetch import Flags
from weft.capture.grouping import Words, flow_hashes, pair_hashes
from weft.capture.reader import Block
from weft.capture.walk import Positions
from weft.values import Ip
from weft.wire import ethernet, tcp

MOST_TUNNELS = 1 << 16
MOST_FLOWS = 1 << 23
_FLOW_BITS = 44
"""A flow is kept as one number: its tunnel's, and so many bits of its hash. That two of a million flows are taken for
one happens once in 35 captures."""
_MERGE_AT = 1 << 16
_PLAIN = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """One tunnel, or what has none. `level` counts nesting from 1; 0: packets without a tunnel. Without `encap` a level
    stands for its tunnels beyond the first MOST_TUNNELS. `key`: VNI, VSID, GRE key, STT context id.

    `octets`: on the wire at level 1, of the enclosing packet deeper inside. `overhead_octets`: those of them that the
    tunnel costs; the outer Ethernet header is no cost where it replaces the inner one. `errors`: packets with a fault.
    """

    level: int
    source: Ip | None
    destination: Ip | None
    encap: EncapCode | None
    key: int | None
    packets: int
    octets: int
    overhead_octets: int
    inner_flows: int
    errors: int


class Summary:
    """Counts block after block. Memory is bounded by the number of tunnels and of flows, which are bounded, too."""

    def __init__(self, choice: Choice | None = None) -> None:
        self._choice = choice or Choice()
        self._labels: list[tuple[int, Ip | None, Ip | None, EncapCode | None, int | None]] = []
        self._commons: dict[int, int] = {}  # level -> place in the labels of what is not told apart
        self._hashes: Words = np.empty(0, np.uint64)  # rising, and the place of each in the labels
        self._places: Positions = np.empty(0, np.int64)
        self._sums: npt.NDArray[np.int64] = np.zeros((4, 0), np.int64)
        self._flows = _Flows()

    @property
    def flows_complete(self) -> bool:
        """False if there were more than MOST_FLOWS flows, and not all are counted."""
        return self._flows.complete

    def add(self, block: Block, columns: Columns) -> None:
        chosen = self._choice.rows(columns)
        plain = np.flatnonzero((columns.nesting == 0) & chosen)
        if len(plain):
            here = np.full(len(plain), self._common(_PLAIN))
            self._count(here, block.length[plain], np.zeros(len(plain), np.int64), columns.fault[plain] > 0)
        for number, level in enumerate(columns.levels, 1):
            rows = np.flatnonzero((level.encap > 0) & chosen[level.row])
            if len(rows):
                deeper = columns.levels[number] if number < len(columns.levels) else None
                self._add_level(block, columns, number, rows, deeper)

    def totals(self) -> list[Totals]:
        """Outer tunnels before inner ones, those with most octets first."""
        flows = self._flows.counts(len(self._labels)).tolist()
        found = [
            Totals(*label, packets, octets, cost, inner, wrong)
            for label, (packets, octets, cost, wrong), inner in zip(
                self._labels, self._sums.T.tolist(), flows, strict=True
            )
        ]
        return sorted(found, key=_order)

    def _add_level(self, block: Block, columns: Columns, number: int, rows: Positions, deeper: Level | None) -> None:
        level = columns.levels[number - 1]
        packet = level.row[rows]
        here = self._tunnels(number, level, rows)
        opened = (level.inner[rows] >= 0) & (deeper is not None)
        bare = np.zeros(len(rows), bool)
        if deeper is not None:
            inside = np.searchsorted(deeper.row, packet[opened])
            bare[opened] = deeper.network[inside] == deeper.start[inside]
            self._flows.add(here[opened], flow_hashes(deeper, inside))
        octets = block.length[packet] if number == 1 else (level.end - level.start)[rows]
        self._count(here, octets, _overhead(level, rows, bare), columns.fault[packet] > 0)

    def _count(self, here: Positions, octets: Positions, cost: Positions, wrong: Flags) -> None:
        """Add rows to the sums of their tunnels."""
        size = len(self._labels)
        self._sums = np.pad(self._sums, ((0, 0), (0, size - self._sums.shape[1])))
        for at, weights in enumerate((None, octets, cost, wrong)):
            self._sums[at] += np.bincount(here, weights, size).astype(np.int64)

    def _tunnels(self, number: int, level: Level, rows: Positions) -> Positions:
        """The place of each row's tunnel in the labels; new ones are added."""
        all_hashes = pair_hashes(level, rows) + np.uint64(number)
        hashes, first, member = np.unique(all_hashes, return_index=True, return_inverse=True)
        at: Positions = np.searchsorted(self._hashes, np.asarray(hashes))
        known = np.zeros(len(hashes), bool)
        inside = at < len(self._hashes)
        known[inside] = self._hashes[at[inside]] == hashes[inside]
        places = np.empty(len(hashes), np.int64)
        places[known] = self._places[at[known]]
        new = np.flatnonzero(~known)
        if len(new):
            places[new] = [self._label(number, level, int(rows[first[one]])) for one in new.tolist()]
            told = new[: max(0, MOST_TUNNELS - len(self._hashes))]
            merged = np.concatenate((self._hashes, hashes[told]))
            order = np.argsort(merged)
            self._hashes = merged[order]
            self._places = np.concatenate((self._places, places[told]))[order]
        return places[member]

    def _label(self, number: int, level: Level, row: int) -> int:
        """A new place in the labels, or the common one of the level once there are too many."""
        if len(self._labels) >= MOST_TUNNELS:
            return self._common(number)
        version, key = int(level.version[row]), int(level.key[row])
        source, destination = address(version, level.source[row]), address(version, level.destination[row])
        encap = EncapCode(int(level.encap[row]))
        self._labels.append((number, source, destination, encap, None if key == NO_KEY else key))
        return len(self._labels) - 1

    def _common(self, number: int) -> int:
        """The place of what is not told apart at a level."""
        if number not in self._commons:
            self._commons[number] = len(self._labels)
            self._labels.append((number, None, None, None, None))
        return self._commons[number]


def _order(total: Totals) -> tuple[object, ...]:
    """The same for every run, though hashes differ."""
    ends = tuple(end.octets if end else b"" for end in (total.source, total.destination))
    return (total.level, -total.octets, total.encap or 0, -1 if total.key is None else total.key, *ends)


def _overhead(level: Level, rows: Positions, bare: Flags) -> Positions:
    """Octets that the tunnel adds to the frame inside; `bare`: it carries IP, so the outer Ethernet header is the one
    that the frame would have anyway. A later STT segment adds all its headers."""
    start, inner = level.start[rows], level.inner[rows]
    headers: Positions = np.where(inner >= 0, inner, level.payload[rows] + tcp.LENGTH) - start
    headers -= np.where(bare & (level.network[rows] > start), ethernet.LENGTH, 0)
    return headers


class _Flows:
    """Distinct (tunnel, flow) pairs, merged whenever as many new ones wait as are known."""

    def __init__(self) -> None:
        self.complete = True
        self._known: Words = np.empty(0, np.uint64)
        self._waiting: list[Words] = []
        self._count = 0

    def add(self, tunnels: Positions, hashes: Words) -> None:
        if len(self._known) >= MOST_FLOWS:
            self.complete = False
            return
        flows = np.unique(tunnels.astype(np.uint64) << np.uint64(_FLOW_BITS) | hashes >> np.uint64(64 - _FLOW_BITS))
        self._waiting.append(flows)
        self._count += len(flows)
        if self._count > max(len(self._known), _MERGE_AT):
            self._merge()

    def counts(self, tunnels: int) -> Positions:
        """How many flows each tunnel has."""
        self._merge()
        return np.bincount((self._known >> np.uint64(_FLOW_BITS)).astype(np.int64), minlength=tunnels)

    def _merge(self) -> None:
        self._known = np.unique(np.concatenate((self._known, *self._waiting)))
        self._waiting, self._count = [], 0
