"""Decodes many packets at once: one pass a nesting level, over the packets that are still nested that deep."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.capture import links
from weft.capture.columns import Columns, Fault, Level, Reading
from weft.capture.fetch import Flags
from weft.capture.levels import read_level
from weft.capture.tunnels import ETHERNET
from weft.capture.walk import Octets, Positions
from weft.wire import ethernet

_KINDS = {"ethernet": ETHERNET, "ipv4": ethernet.IPV4, "ipv6": ethernet.IPV6}
_UNKNOWN_LINK = 0


def decode(
    octets: Octets,
    start: Positions,
    captured: Positions,
    length: Positions,
    link: npt.NDArray[np.int32],
    depth: int = 8,
    reading: Reading = Reading.NVGRE,
) -> Columns:
    """Decode packets that lie whole in `octets`, which is at least PAD_OCTETS longer than the last of them.

    `depth`: how many tunnels inside one another are opened. Raises nothing on any octets.
    """
    count = len(start)
    first = _first_ethertype(octets, start, link)
    level = Level.blank(np.arange(count), start, start + captured, first.copy(), captured < length)
    level.fault[first == _UNKNOWN_LINK] = Fault.UNKNOWN_LINK
    levels = []
    nesting = np.zeros(count, np.uint8)
    faults = np.zeros(count, np.uint8)
    while True:
        inner_ethertype = read_level(octets, level, reading)
        levels.append(level)
        nesting[level.row] += level.encap > 0
        deeper = np.flatnonzero(level.inner >= 0)
        if len(deeper) and len(levels) > depth:
            level.blame(deeper, np.ones(len(deeper), bool), Fault.TOO_DEEP)
            deeper = deeper[:0]
        _first_faults(faults, level)
        if not len(deeper):
            return Columns(tuple(levels), nesting, faults)
        inner, end, kinds = level.inner[deeper], level.end[deeper], inner_ethertype[deeper]
        level = Level.blank(level.row[deeper], inner, end, kinds, level.partial[deeper])


def _first_ethertype(octets: Octets, start: Positions, link: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """What the packets begin with; for raw IP the version tells. _UNKNOWN_LINK for links that are not read."""
    kinds = np.full(len(start), ETHERNET, np.int32)
    if (link == links.ETHERNET).all():
        return kinds
    by_version = np.where(octets[start] >> 4 == 6, ethernet.IPV6, ethernet.IPV4)
    kinds[:] = _UNKNOWN_LINK
    for number, begins in links.STARTS.items():
        mine = link == number
        kinds[mine] = by_version[mine] if begins == "ip" else _KINDS[begins]
    return kinds


def _first_faults(faults: npt.NDArray[np.uint8], level: Level) -> None:
    wrong: Flags = level.fault > 0
    if wrong.any():
        rows = level.row[wrong]
        faults[rows] = np.where(faults[rows] > 0, faults[rows], level.fault[wrong])
