"""The routes of all sources by key, and the best of each key (RFC 4271 section 3.2: Adj-RIBs-In and Loc-RIB)."""

from __future__ import annotations

from collections.abc import Iterator, KeysView

from weft.control.bgp import best_path
from weft.control.bgp.route import Route, Source
from weft.values import Ip


class Rib:
    """Every call that may move a best route says whether it did."""

    def __init__(self) -> None:
        self._by_source: dict[Ip | None, dict[bytes, Route]] = {}
        self._candidates: dict[bytes, list[Route]] = {}
        self._best: dict[bytes, Route] = {}

    def best(self, key: bytes) -> Route | None:
        return self._best.get(key)

    def best_keys(self) -> KeysView[bytes]:
        """Keys that have a best route."""
        return self._best.keys()

    def of_source(self, peer: Ip | None) -> dict[bytes, Route]:
        """The Adj-RIB-In of a peer (None: our own routes) by key; not to be changed."""
        return self._by_source.get(peer, {})

    def put(self, route: Route) -> bool:
        """Add a route, in place of the one with its key from its peer. True if the best route changed."""
        previous = self._by_source.setdefault(route.peer, {}).get(route.key)
        self._by_source[route.peer][route.key] = route
        candidates = self._candidates.setdefault(route.key, [])
        if previous is not None:
            candidates.remove(previous)
        candidates.append(route)
        return self._select(route.key)

    def remove(self, peer: Ip | None, key: bytes) -> bool:
        """Take away the peer's route with that key, if there is one. True if the best route changed."""
        previous = self._by_source.get(peer, {}).pop(key, None)
        if previous is None:
            return False
        candidates = self._candidates[key]
        candidates.remove(previous)
        if not candidates:
            del self._candidates[key]
        return self._select(key)

    def stale_keys(self, peer: Ip, current: Source | None, limit: int) -> list[bytes]:
        """Up to `limit` keys of the peer's routes that an earlier session left behind."""
        stale: list[bytes] = []
        for key, route in self.of_source(peer).items():
            if len(stale) == limit:
                break
            if route.source is not current:
                stale.append(key)
        return stale

    def routes(self) -> Iterator[tuple[Route, bool]]:
        """Every route with whether it is best, grouped by key."""
        for key, candidates in self._candidates.items():
            best = self._best.get(key)
            for route in candidates:
                yield route, route is best

    def _select(self, key: bytes) -> bool:
        previous = self._best.get(key)
        route = best_path.best(self._candidates.get(key, ()))
        if route is previous:
            return False
        if route is None:
            del self._best[key]
        else:
            self._best[key] = route
        return True
