"""Finds where the records of a capture begin: each one's length leads to the next, so the search is sequential.

`walk` follows the chain a record at a time. `find` walks many stretches of the chain at once: it guesses one
record in every stretch, walks from all guesses in step, and keeps a guess only if the walk before it arrives
exactly there. Since the first start is true, every kept position is; a wrong guess costs time, never truth.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Octets = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

STRETCH = 16384
"""Octets per guess: about 32 packets of usual size (docs/decisions/0010-capture-speed.md)."""
_WINDOW = 2048  # a guess is sought in these first octets of a stretch: more than one record of a 1500 octet frame
_ROUNDS = 4
_CHECK_EVERY = 8


@dataclass(frozen=True, slots=True)
class Chain:
    """How one record leads to the next: at `length_at` stands a 32-bit number, and the next one is that plus
    `extra` octets on. The number is `least` to `most` and divisible by `step`."""

    order: str
    header: int
    length_at: int
    extra: int
    least: int
    most: int
    step: int


@dataclass(frozen=True, slots=True)
class Found:
    """`starts`: positions of whole records, rising. `end`: behind the last of them. `bad`: the record at `end`
    has a length that cannot be; otherwise it merely goes on behind the octets that are there."""

    starts: Positions
    end: int
    bad: bool


def walk(octets: Octets, start: int, end: int, chain: Chain) -> Found:
    """The records that lie whole in octets[start:end], one at a time."""
    starts: list[int] = []
    buffer = octets.data
    unpack = struct.Struct(chain.order + "I").unpack_from
    position, bad = start, False
    while position + chain.header <= end:
        (length,) = unpack(buffer, position + chain.length_at)
        if not chain.least <= length <= chain.most or length % chain.step:
            bad = True
            break
        after = position + chain.extra + length
        if after > end:
            break
        starts.append(position)
        position = after
    return Found(np.array(starts, np.int64), position, bad)


def find(octets: Octets, start: int, end: int, chain: Chain, mark: bytes, mark_at: int) -> Found:
    """The same as `walk`, faster. `mark`: octets that most records have at `mark_at`.

    `octets` is at least 16 octets longer than `end`.
    """
    guesses = _guess(octets, start, end, chain, mark, mark_at)
    for _ in range(_ROUNDS):
        if len(guesses) < 2:
            break
        paths = _walk_in_step(octets, guesses, end, chain)
        limits = np.append(guesses[1:], end)
        within = paths < limits[:, None]
        arrival = np.take_along_axis(paths, within.sum(axis=1)[:, None], axis=1)[:, 0]
        agree = arrival[:-1] == guesses[1:]
        if agree.all():
            starts = paths[within]
            tail = walk(octets, int(starts[-1]), end, chain)  # the last one may be cut off or bad
            return Found(np.concatenate((starts[:-1], tail.starts)), tail.end, tail.bad)
        guesses = guesses[np.append(True, agree)]
    return walk(octets, start, end, chain)


def _lengths(octets: Octets, chain: Chain) -> npt.NDArray[np.uint32]:
    """The 32-bit number at every octet, as if a record began there."""
    count = len(octets) - chain.length_at - 3
    return np.ndarray((count,), chain.order + "u4", buffer=octets, offset=chain.length_at, strides=(1,))


def _guess(octets: Octets, start: int, end: int, chain: Chain, mark: bytes, mark_at: int) -> Positions:
    """`start` and at most one more position per stretch: where the mark is, and is again one record later."""
    count = (end - start - _WINDOW) // STRETCH
    if count < 2:
        return np.array([start], np.int64)
    stretches = np.ndarray((count, _WINDOW + len(mark)), np.uint8, octets, start + mark_at, (STRETCH, 1))
    hits = stretches[:, :_WINDOW] == mark[0]
    for index, octet in enumerate(mark[1:], 1):
        hits &= stretches[:, index : index + _WINDOW] == octet
    first = hits.argmax(axis=1)
    hit = np.flatnonzero(hits[np.arange(count), first])
    guesses = start + hit * STRETCH + first[hit]
    length = _lengths(octets, chain)[guesses].astype(np.int64)
    after = guesses + chain.extra + length
    fits = (length >= chain.least) & (length <= chain.most) & (length % chain.step == 0) & (after < end)
    guesses, after = guesses[fits], after[fits]
    again = np.ones(len(guesses), bool)
    for index, octet in enumerate(mark):
        again &= octets[after + mark_at + index] == octet
    guesses = guesses[again]
    return np.concatenate(([start], guesses[guesses > start]))


def _walk_in_step(octets: Octets, guesses: Positions, end: int, chain: Chain) -> npt.NDArray[np.int64]:
    """The positions met from each guess until it reaches the next one (or `end`): one row a guess.

    A walk that meets a bad length, or leaves the octets, stays at `end`: it then arrives nowhere.
    """
    lengths = _lengths(octets, chain)
    limits = np.append(guesses[1:], end)
    steps = [guesses]
    current = guesses
    while True:
        for _ in range(_CHECK_EVERY):
            length = lengths[current]
            after = current + length
            after += chain.extra
            after[(length < chain.least) | (length > chain.most)] = end
            current = np.minimum(after, end)
            steps.append(current)
        if (current >= limits).all():
            return np.stack(steps, axis=1)
