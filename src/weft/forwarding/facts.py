"""What a data plane reports: facts, never decisions."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from weft.values import Mac


class Place(Struct, frozen=True, gc=False):
    """Where an address was learned: behind a local port (`ifindex`) or a tunnel (`nexthop`); the other is 0."""

    ifindex: int = 0
    nexthop: int = 0


class MacLearned(Struct, frozen=True, gc=False):
    """A source address was seen for the first time, or at a new place."""

    bridge: int
    mac: Mac
    place: Place


class MacAged(Struct, frozen=True, gc=False):
    """A learned address was not seen for the ageing time of its bridge table and is gone."""

    bridge: int
    mac: Mac
    place: Place


class LearnedLost(Struct, frozen=True, gc=False):
    """Some reports did not fit; read the whole learned table."""


Fact: TypeAlias = MacLearned | MacAged | LearnedLost


class Learned(Struct, frozen=True, gc=False):
    """An entry of the data plane's own table; `last_seen` in seconds on the monotonic clock."""

    bridge: int
    mac: Mac
    place: Place
    last_seen: float
