"""The interface of a data plane, call by call.

A data plane owns two things: the rows it was given, and the table of addresses it learned itself. Applying rows
never touches what was learned. All calls are quick (a few milliseconds for thousands of rows) and none blocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from weft.forwarding.drops import Counter, Drop
from weft.forwarding.facts import Fact, Learned
from weft.forwarding.rows import Row
from weft.forwarding.snapshot import Delta
from weft.values import Encap, Mac


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a data plane can carry. A network beyond it is a configuration error, never a silent loss."""

    lane: str
    encaps: frozenset[Encap]
    underlay_versions: frozenset[int]
    flood_members: int
    """Most receivers of one flooded frame."""
    nexthop_targets: int
    """Most targets of one next hop, and most paths of one underlay route."""


class RowError(Struct, frozen=True):
    """A row that could not be carried out, and why, in words for a person."""

    row: Row
    reason: str


class PortCounters(Struct, frozen=True, gc=False):
    """Traffic of one attachment point as its tenant sees it: `rx` is what the tenant sent. Wire packets, octets."""

    rx_packets: int = 0
    tx_packets: int = 0
    rx_octets: int = 0
    tx_octets: int = 0


class DataPlane(Protocol):
    """What the node asks of a data plane."""

    @property
    def capabilities(self) -> Capabilities:
        """Constant for the life of the data plane."""
        ...

    def apply(self, delta: Delta) -> tuple[RowError, ...]:
        """Carry out a delta. Idempotent: writing a row twice or removing an absent one is fine.

        Every row that fails is returned with its reason and fails alone.
        """
        ...

    def activate(self) -> tuple[RowError, ...]:
        """Begin to forward by the rows applied so far. Until then a data plane that took over from an earlier
        agent goes on with that agent's rows. Returns rows that failed in this. A second call is fine."""
        ...

    def fileno(self) -> int | None:
        """A descriptor that is readable when facts wait, or None: ask `facts` at will."""
        ...

    def facts(self) -> list[Fact]:
        """Take the facts reported since the last call, oldest first. A `LearnedLost` asks for `learned`."""
        ...

    def learned(self) -> list[Learned]:
        """The whole table of learned addresses."""
        ...

    def forget(self, keys: Iterable[tuple[int, Mac]]) -> None:
        """Remove learned addresses, by (bridge, MAC), without reporting them as aged."""
        ...

    def age(self, now: float) -> None:
        """Remove addresses not seen for their bridge table's ageing time; each is reported as a fact.

        `now` in seconds on the monotonic clock.
        """
        ...

    def drops(self) -> dict[Drop, int]:
        """Dropped frames by reason since the data plane was first loaded; every reason is a key."""
        ...

    def counters(self) -> dict[Counter, int]:
        """Everything else that is counted; every counter is a key."""
        ...

    def port_counters(self) -> dict[int, PortCounters]:
        """Traffic by attachment point, keyed by interface index."""
        ...

    def close(self, keep: bool) -> None:
        """Stop. `keep`: leave forwarding in place where the data plane can; else remove every trace."""
        ...
