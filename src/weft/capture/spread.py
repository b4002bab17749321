"""How flows spread over equal links: what each kind of switch sees of each encapsulation, and where it sends it.

A switch hashes some fields and takes the remainder by the number of links. What differs is the fields: the outer
5-tuple (VXLAN, Geneve and STT put entropy into the source port; GRE has no ports), the GRE key too (NVGRE has a
FlowID of 8 bits in it), the inner headers, or the IPv6 flow label (RFC 6438). NVGRE may also use several provider
addresses (RFC 7637 section 4.3). The flow hash that feeds them is weft's own, `weft.forwarding.flowhash`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import log2

import numpy as np
import numpy.typing as npt

from weft.capture.columns import Columns, Level
from weft.capture.grouping import Words, flow_hashes, mix, pair_hashes
from weft.capture.reader import Block
from weft.capture.walk import Positions
from weft.forwarding import flowhash
from weft.values import Encap

MOST_FLOWS = 1 << 20
_HASHED_OCTETS = 78
_SEED = 1
_SPORT_BITS, _FLOW_ID_BITS, _LABEL_BITS = 14, 8, 20
_WITH_PORT = frozenset((Encap.VXLAN, Encap.GENEVE, Encap.STT))


class Switch(StrEnum):
    OUTER = "outer-5-tuple"
    GRE_KEY = "gre-key"
    INNER = "inner"
    FLOW_LABEL = "ipv6-flow-label"


@dataclass(frozen=True, slots=True, eq=False)
class Flows:
    """`hash`: uint64, weft's 32-bit flow hash of each. `identity`: uint64, the flow itself, as an inner aware switch
    sees it. `pair`: uint64, which VTEP pair carries it. `packets`, `octets`: int64."""

    hash: Words
    identity: Words
    pair: Words
    packets: Positions
    octets: Positions

    def __len__(self) -> int:
        return len(self.hash)


@dataclass(frozen=True, slots=True)
class Spread:
    """`loads`: what each link carries, in the unit of the weights. `distinct`: different values that the switch saw.

    `max_mean`: the fullest link's load over the mean. `entropy`: of the loads, 1 for equal links, 0 for a single one.
    """

    encap: Encap
    switch: Switch
    addresses: int
    distinct: int
    loads: tuple[int, ...]

    @property
    def max_mean(self) -> float:
        return max(self.loads) * len(self.loads) / max(1, sum(self.loads))

    @property
    def entropy(self) -> float:
        total = sum(self.loads)
        shares = [load / total for load in self.loads if load]
        return abs(sum(share * log2(share) for share in shares)) / log2(len(self.loads)) if len(self.loads) > 1 else 1.0

    @property
    def idle(self) -> int:
        return self.loads.count(0)


def spreads(flows: Flows, link_count: int, weights: Positions, addresses: int = 4, seed: int = 1) -> list[Spread]:
    """Every encapsulation through every kind of switch that makes a difference for it. `seed`: the switches' own."""
    found = []
    for encap in Encap:
        for switch in Switch:
            if switch is Switch.GRE_KEY and encap in _WITH_PORT:
                continue
            found.append(spread(flows, link_count, weights, encap, switch, 1, seed))
    found.append(spread(flows, link_count, weights, Encap.NVGRE, Switch.OUTER, addresses, seed))
    return found


def spread(
    flows: Flows, link_count: int, weights: Positions, encap: Encap, switch: Switch, addresses: int, seed: int
) -> Spread:
    """One encapsulation through one kind of switch; `addresses`: how many each VTEP has."""
    if switch is Switch.INNER:
        seen = flows.identity
    else:
        seen = mix((flows.pair, _entropy(flows, encap, switch), *_provider_addresses(flows, addresses)), seed)
    link = (mix((seen,), seed + 1) >> np.uint64(32)) * np.uint64(link_count) >> np.uint64(32)
    loads = np.bincount(link.astype(np.int64), weights, link_count).astype(np.int64)
    return Spread(encap, switch, addresses, len(np.unique(seen)), tuple(loads.tolist()))


def _entropy(flows: Flows, encap: Encap, switch: Switch) -> Words:
    """What varies between the flows of one pair of addresses."""
    if switch is Switch.FLOW_LABEL:
        return _low(flows.hash, _LABEL_BITS)
    if encap in _WITH_PORT:
        return _low(flows.hash, _SPORT_BITS)
    if switch is Switch.GRE_KEY and encap is Encap.NVGRE:
        return _low(flows.hash, _FLOW_ID_BITS)
    return np.zeros(len(flows), np.uint64)


def _provider_addresses(flows: Flows, addresses: int) -> tuple[Words, Words]:
    """The sender takes source and destination by the hash, from bits that the FlowID does not have."""
    high = flows.hash >> np.uint64(16)
    count = np.uint64(addresses)
    return high % count, high // count % count


def _low(hashes: Words, bits: int) -> Words:
    return hashes & np.uint64((1 << bits) - 1)


def synthetic_flows(count: int, seed: int = 1) -> Flows:
    """Flows with random addresses and ports between one pair of VTEPs, one packet each."""
    draw = np.random.default_rng(seed)
    words: npt.NDArray[np.uint64] = draw.integers(0, 1 << 32, (count, 3), np.uint64)
    hashes = [flowhash.hash_words((*row, 6)) for row in words.tolist()]
    ones = np.ones(count, np.int64)
    return Flows(np.array(hashes, np.uint64), mix(list(words.T), seed), np.zeros(count, np.uint64), ones, ones * 1000)


class FlowTable:
    """Collects the tenants' flows of a capture: of what is inside the outermost tunnel, or of packets without one."""

    def __init__(self) -> None:
        self.complete = True
        self._numbers: dict[int, int] = {}
        self._hashes: list[int] = []
        self._pairs: list[int] = []
        self._packets = np.zeros(0, np.int64)
        self._octets = np.zeros(0, np.int64)

    def add(self, block: Block, columns: Columns) -> None:
        """Count a block's packets; pieces of packets count with the flow of their outer headers."""
        outer = columns.outermost
        outside = np.flatnonzero(outer.inner < 0)
        self._add(block, outer, outside, np.zeros(len(outside), np.uint64))
        if len(columns.levels) > 1:
            inner = columns.levels[1]
            self._add(block, inner, np.arange(len(inner)), pair_hashes(outer, inner.row, _SEED))

    def flows(self) -> Flows:
        identity = np.array(list(self._numbers), np.uint64)
        hashes, pairs = np.array(self._hashes, np.uint64), np.array(self._pairs, np.uint64)
        return Flows(hashes, identity, pairs, self._packets, self._octets)

    def _add(self, block: Block, level: Level, places: Positions, pair: Words) -> None:
        if not len(places):
            return
        every = flow_hashes(level, places, _SEED) ^ pair
        keys, first, member = np.unique(every, return_index=True, return_inverse=True)
        numbers = np.empty(len(keys), np.int64)
        for place, (key, at) in enumerate(zip(keys.tolist(), first.tolist(), strict=True)):
            known = self._numbers.get(key)
            numbers[place] = self._new(key, block, level, int(places[at]), int(pair[at])) if known is None else known
        kept = numbers[member] >= 0
        here = numbers[member][kept]
        size = len(self._hashes)
        octets = block.length[level.row[places]][kept]
        self._packets = np.pad(self._packets, (0, size - len(self._packets))) + np.bincount(here, None, size)
        self._octets = np.pad(self._octets, (0, size - len(self._octets)))
        self._octets += np.bincount(here, octets, size).astype(np.int64)

    def _new(self, key: int, block: Block, level: Level, place: int, pair: int) -> int:
        """The place of a new flow; -1 if there are too many."""
        if len(self._hashes) >= MOST_FLOWS:
            self.complete = False
            return -1
        start = int(level.start[place])
        octets = block.octets[start : start + _HASHED_OCTETS].tobytes()
        if level.network[place] == start:  # no Ethernet header: as if there were one
            octets = bytes(12) + max(0, int(level.ethertype[place])).to_bytes(2, "big") + octets
        self._hashes.append(flowhash.flow_hash(octets.ljust(_HASHED_OCTETS, b"\0")))
        self._pairs.append(pair)
        self._numbers[key] = len(self._hashes) - 1
        return self._numbers[key]
