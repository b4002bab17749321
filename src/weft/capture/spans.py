"""Copies many spans of octets at once: the means to write packets that are parts of other packets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.capture.walk import Octets, Positions

_WIDTHS = (128, 32, 16)


def copy_spans(source: Octets, start: Positions, target: Octets, place: Positions, size: Positions) -> None:
    """Copy source[start:start+size] to target[place:place+size] for every row. Sizes are at least 16; the places do
    not overlap. The last window of a span ends where the span does, so it may copy some octets a second time."""
    left = np.arange(len(size))
    for width in _WIDTHS:
        wide = size[left] >= width
        rows, left = left[wide], left[~wide]
        if not len(rows):
            continue
        windows = -(-size[rows] // width)
        span = np.repeat(rows, windows)
        behind = np.cumsum(windows)
        shift = (np.arange(behind[-1]) - np.repeat(behind - windows, windows)) * width
        shift = np.minimum(shift, size[span] - width)
        _windows(target, width)[place[span] + shift] = _windows(source, width)[start[span] + shift]


def _windows(octets: Octets, width: int) -> npt.NDArray[np.void]:
    """The `width` octets from every octet on."""
    return np.ndarray((len(octets) - width + 1,), f"V{width}", octets, 0, (1,))
