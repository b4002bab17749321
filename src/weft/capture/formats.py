"""What every capture format gives: the records found in some octets, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from weft.capture.walk import Octets, Positions

MOST_OCTETS = 4 << 20
"""The longest record that is believed; a longer one means that the file is broken there."""

PAD_OCTETS = 256
"""Octets behind the end of every buffer, so that a header can be fetched anywhere without a look at the end."""

NS = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Records that lie whole in a buffer, one row each.

    `start`: int64, where the packet's first octet is. `captured`, `length`: int64, octets in the file and on the
    wire. `time_ns`: int64, since 1970. `link`: int32, the LINKTYPE. `used`: octets done with, counted from the
    start of the buffer. `problem`: why nothing behind `used` can be read, if so.
    """

    start: Positions
    captured: Positions
    length: Positions
    time_ns: Positions
    link: npt.NDArray[np.int32]
    used: int
    problem: str | None = None


class Format(Protocol):
    def index(self, octets: Octets, end: int) -> Records:
        """The records in octets[:end]. The first record begins at 0; `octets` is PAD_OCTETS longer than `end`."""


def numbers(octets: Octets, kind: str, at: Positions) -> Positions:
    """Numbers of dtype `kind` (such as `>u4`) at any positions, as int64 (modulo 2**64 for 64-bit kinds)."""
    dtype = np.dtype(kind)
    view: npt.NDArray[np.generic] = np.ndarray((len(octets) - dtype.itemsize + 1,), dtype, octets, 0, (1,))
    return view[at].astype(np.int64)
