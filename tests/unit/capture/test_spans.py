from __future__ import annotations

import random

import numpy as np

from weft.capture.spans import copy_spans


def test_spans_of_all_sizes_arrive_whole_and_touch_nothing_else() -> None:
    draw = random.Random(1)
    source = np.frombuffer(draw.randbytes(1 << 16), np.uint8)
    size = np.array([*range(16, 300), 1500, 9000, 16, 17])
    start = np.array([draw.randrange(len(source) - n) for n in size.tolist()])
    place = np.cumsum(size + 3) - size
    target = np.zeros(int(place[-1] + size[-1]) + 3, np.uint8)
    copy_spans(source, start, target, place, size)
    covered = np.zeros(len(target), bool)
    for a, b, n in zip(start.tolist(), place.tolist(), size.tolist(), strict=True):
        assert (target[b : b + n] == source[a : a + n]).all()
        covered[b : b + n] = True
    assert not target[~covered].any()
