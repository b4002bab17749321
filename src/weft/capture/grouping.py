"""Rows that are alike, by a 64-bit hash of their columns. The seed differs from run to run, so that nobody can prepare
a capture in which two different things have one hash."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from weft.capture.columns import Level
from weft.capture.walk import Positions

Words = npt.NDArray[np.uint64]

_SEED = int.from_bytes(os.urandom(8), "little")
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)  # those of SplitMix64
_SHIFT = np.uint64(31)


def mix(columns: Sequence[npt.NDArray[np.generic]], seed: int = _SEED) -> Words:
    """One hash a row, over all columns."""
    value = np.full(len(columns[0]), seed, np.uint64)
    for column in columns:
        value ^= column.astype(np.uint64)
        for multiplier in _MULTIPLIERS:
            value *= np.uint64(multiplier)
            value ^= value >> _SHIFT
        value += np.uint64(seed)
    return value


def pair_hashes(level: Level, places: Positions, seed: int = _SEED) -> Words:
    """A hash of source, destination, key and encapsulation."""
    kind = level.version[places].astype(np.int64) << 8 | level.encap[places]
    return mix((*_addresses(level, places), level.key[places], kind), seed)


def flow_hashes(level: Level, places: Positions, seed: int = _SEED) -> Words:
    """A hash of the flow: addresses, protocol and ports of IP, the EtherType of anything else."""
    version = level.version[places].astype(np.int64)
    other = np.where(version > 0, 0, level.ethertype[places])
    ports = (level.sport[places].astype(np.int64) + 1) << 32 | (level.dport[places] + 1)
    kind = other << 32 | version << 16 | (level.protocol[places] + 1)
    return mix((*_addresses(level, places), ports, kind), seed)


def _addresses(level: Level, places: Positions) -> list[Words]:
    return [column[:, half][places] for column in (level.source, level.destination) for half in (0, 1)]
