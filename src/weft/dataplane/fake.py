"""A data plane in memory: the reference pipeline behind the data-plane interface.

For tests and simulations of many nodes. It passes the same contract suite as the real ones.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable

from weft.dataplane.base import Capabilities, PortCounters, RowError
from weft.forwarding import pipeline
from weft.forwarding.drops import Counter, Drop
from weft.forwarding.facts import Fact, Learned, MacAged, MacLearned
from weft.forwarding.rows import Bridge, Vap
from weft.forwarding.snapshot import EMPTY, Delta, apply
from weft.values import Encap, Mac

CAPABILITIES = Capabilities(
    lane="fake",
    encaps=frozenset({Encap.VXLAN}),
    underlay_versions=frozenset({4}),
    flood_members=128,
    nexthop_targets=8,
)


class FakeDataPlane:
    """See `weft.dataplane.base.DataPlane` for the calls. `clock` gives seconds on a monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._snapshot = EMPTY
        self._state = pipeline.State()
        self._facts: list[Fact] = []
        self._drops: Tally[Drop] = Tally()
        self._counters: Tally[Counter] = Tally()
        self._traffic: dict[int, PortCounters] = {}

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def inject(self, ifindex: int, frame: bytes) -> pipeline.Result:
        """A frame arrives on an interface; what leaves is in the result."""
        result = pipeline.step(self._state, self._snapshot, ifindex, frame, self._clock())
        self._state = result.state
        self._facts += result.facts
        self._counters[Counter.ADDRESSES_LEARNED] += sum(isinstance(fact, MacLearned) for fact in result.facts)
        if result.drop is not None:
            self._drops[result.drop] += 1
        self._count(ifindex, 1, 0, len(frame))
        for output in result.outputs:
            self._count(output.ifindex, 0, 1, len(output.octets))
        return result

    def _count(self, ifindex: int, rx: int, tx: int, octets: int) -> None:
        if ifindex not in self._snapshot.table(Vap):
            return
        old = self._traffic.get(ifindex, PortCounters())
        self._traffic[ifindex] = PortCounters(
            old.rx_packets + rx, old.tx_packets + tx, old.rx_octets + rx * octets, old.tx_octets + tx * octets
        )

    def apply(self, delta: Delta) -> tuple[RowError, ...]:
        self._snapshot = apply(delta, self._snapshot)
        return ()

    def activate(self) -> tuple[RowError, ...]:
        """Rows are in force at once."""
        return ()

    def fileno(self) -> int | None:
        return None

    def facts(self) -> list[Fact]:
        facts, self._facts = self._facts, []
        return facts

    def learned(self) -> list[Learned]:
        return list(self._state.learned.values())

    def forget(self, keys: Iterable[tuple[int, Mac]]) -> None:
        gone = set(keys)
        kept = {key: entry for key, entry in self._state.learned.items() if key not in gone}
        self._state = pipeline.State(kept)

    def age(self, now: float) -> None:
        bridges = self._snapshot.table(Bridge)
        for key, entry in list(self._state.learned.items()):
            bridge = bridges.get(entry.bridge)
            if bridge is None or now - entry.last_seen > bridge.ageing_s:
                self.forget([key])
                self._facts.append(MacAged(entry.bridge, entry.mac, entry.place))
                self._counters[Counter.ADDRESSES_AGED] += 1

    def drops(self) -> dict[Drop, int]:
        return {reason: self._drops[reason] for reason in Drop}

    def counters(self) -> dict[Counter, int]:
        return {counter: self._counters[counter] for counter in Counter}

    def port_counters(self) -> dict[int, PortCounters]:
        return {ifindex: self._traffic.get(ifindex, PortCounters()) for ifindex in self._snapshot.table(Vap)}

    def close(self, keep: bool) -> None:
        """Nothing outlives the process."""
