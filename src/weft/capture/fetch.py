"""Headers fetched from any positions of a buffer into rows of equal length, whose fields are then plain columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from weft.capture.walk import Octets, Positions

Rows = npt.NDArray[np.void]
Flags = npt.NDArray[np.bool_]


def fetch(octets: Octets, at: Positions, size: int) -> Rows:
    """`size` octets at every position, one row each. Positions are at most len(octets) - size."""
    dtype = np.dtype(f"V{size}")
    view: Rows = np.ndarray((max(len(octets) - size + 1, 0),), dtype, octets, 0, (1,))
    return view[at]


def pick(flags: Flags, *arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """The chosen rows of each array. By their numbers: choosing by flags itself costs three times as much."""
    if flags.all():
        return list(arrays)
    rows = np.flatnonzero(flags)
    return [array[rows] for array in arrays]


def octet(rows: Rows, at: int) -> npt.NDArray[np.uint8]:
    """The octet `at` of every row: a view."""
    column: npt.NDArray[np.uint8] = field(rows, "u1", at)
    return column


def field(rows: Rows, kind: str, at: int) -> npt.NDArray[Any]:
    """The number of dtype `kind` at octet `at` of every row: a view."""
    return np.ndarray((len(rows),), kind, rows, at, (rows.itemsize,)) if len(rows) else np.empty(0, kind)


def u16(rows: Rows, at: int) -> npt.NDArray[np.int32]:
    """A 16-bit number in network order."""
    return field(rows, ">u2", at).astype(np.int32)


def u32(rows: Rows, at: int) -> npt.NDArray[np.uint64]:
    """A 32-bit number in network order."""
    return field(rows, ">u4", at).astype(np.uint64)


def u64(rows: Rows, at: int) -> npt.NDArray[np.uint64]:
    """A 64-bit number in network order."""
    return field(rows, ">u8", at).astype(np.uint64)
