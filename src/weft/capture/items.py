"""Packets for people: every layer of every packet, one item each, with pieces put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from weft.capture.chosen import Choice
from weft.capture.columns import Level, Reading
from weft.capture.joining import Joiner, pieces
from weft.capture.links import ETHERNET, RAW, STARTS
from weft.capture.reader import Block
from weft.wire.dissect import dissect

_TUNNELS = frozenset(("vxlan", "geneve", "stt", "gre", "nvgre"))
Layer = dict[str, object]


@dataclass(frozen=True, slots=True)
class Item:
    """A packet: its number, counted from 1; ns since 1970; octets on the wire; its layers (`weft.wire.dissect`), those
    of the whole packet if this was the last of its pieces; and the first thing that is wrong with it."""

    frame: int
    time_ns: int
    length: int
    layers: tuple[Layer, ...]
    error: str | None


class Itemiser:
    """Shows packets block after block; keeps the pieces that wait for others.

    `gre_key_as`: `both`, `nvgre` or `plain`; for `both` a packet is chosen by either reading.
    """

    def __init__(self, choice: Choice, depth: int, gre_key_as: str) -> None:
        self._choice = choice
        self._depth = depth
        self._gre_key_as = gre_key_as
        self._readings: Sequence[Reading] = (
            (Reading.NVGRE, Reading.PLAIN) if gre_key_as == "both" else (Reading(gre_key_as),)
        )
        self._joiner = Joiner()

    def items(self, block: Block) -> Iterator[Item]:
        """The chosen packets of a block, in order. Blocks come in order, too."""
        return self._items(block, self._depth)

    def _items(self, block: Block, depth: int) -> Iterator[Item]:
        columns = block.columns(depth, self._readings[0])
        chosen = self._choice.rows(columns)
        if not self._choice.everything:
            for reading in self._readings[1:]:
                chosen |= self._choice.rows(block.columns(depth, reading))
        waiting = pieces(columns, block.captured < block.length)
        for row in sorted({*chosen.nonzero()[0].tolist(), *waiting}):
            whole = None
            if row in waiting:
                number, place = waiting[row]
                whole = self._join(block, row, columns.levels[number], place, depth - number)
            if chosen[row]:
                item = _dissect(block, row, depth, self._gre_key_as)
                yield item if whole is None else _with_whole(item, number, whole)
            elif whole is not None and whole.chosen:
                yield _with_whole(_dissect(block, row, depth, self._gre_key_as), number, whole)

    def _join(self, block: Block, row: int, level: Level, place: int, depth: int) -> _Whole | None:
        """Take a piece; what it completes is looked at like a packet of its own, which may be a piece in its turn."""
        time_ns = int(block.time_ns[row])
        octets = self._joiner.join(block.octets, level, place, time_ns)
        if octets is None:
            return None
        link = ETHERNET if level.start[place] < level.network[place] else RAW
        one = Block.of(octets, link, time_ns)
        item = next(self._items(one, depth), None)
        return _Whole(item or _dissect(one, 0, depth, self._gre_key_as), item is not None)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A packet put together from some level on."""

    item: Item
    chosen: bool


def _dissect(block: Block, row: int, depth: int, gre_key_as: str) -> Item:
    link, length = int(block.link[row]), int(block.length[row])
    frame, time_ns = block.first + row, int(block.time_ns[row])
    start = STARTS.get(link)
    if start is None:
        return Item(frame, time_ns, length, (), f"link type {link} is not known")
    cut = bool(block.captured[row] < length)
    shown = dissect(block.packet(row), start=start, depth=depth, gre_key_as=gre_key_as, cut=cut)
    return Item(frame, time_ns, length, shown.layers, shown.error)


def _with_whole(item: Item, number: int, whole: _Whole) -> Item:
    """The item with everything from level `number` on as the whole packet has it."""
    layers = item.layers[: _level_start(item.layers, number)] + whole.item.layers
    return replace(item, layers=layers, error=whole.item.error)


def _level_start(layers: Sequence[Layer], number: int) -> int:
    """Where the layers of a nesting level begin. NVGRE shown as a second reading of GRE is the same tunnel."""
    tunnels = [
        place
        for place, layer in enumerate(layers)
        if layer["layer"] in _TUNNELS and not (layer["layer"] == "nvgre" and layers[place - 1]["layer"] == "gre")
    ]
    if not number:
        return 0
    start = tunnels[number - 1] + 1
    return start + (layers[start]["layer"] == "nvgre")
