"""Which of several routes with one key is best (RFC 4271 section 9.1.2, RFC 4456 section 9).

In order: our own; highest LOCAL_PREF; shortest AS path; lowest ORIGIN; lowest MED among routes of one
neighbouring AS; external before internal; lowest router id (ORIGINATOR_ID where there is one); shortest
CLUSTER_LIST; lowest peer address. The cost to the next hop does not count: the underlay's routing is not ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.control.bgp.route import Route
from weft.wire.bgp import as_path

DEFAULT_LOCAL_PREF = 100


def _preference(route: Route) -> tuple[bool, int, int, int]:
    attributes = route.attributes
    local_pref = DEFAULT_LOCAL_PREF if attributes.local_pref is None else attributes.local_pref
    return route.peer is not None, -local_pref, as_path.length(attributes.as_path), attributes.origin


def _tie_break(route: Route) -> tuple[bool, bytes, int, bytes]:
    attributes, source = route.attributes, route.source
    router_id = attributes.originator_id or source.router_id
    peer = source.peer.octets if source.peer is not None else b""
    return source.internal, router_id.octets, len(attributes.cluster_list), peer


def _med(route: Route) -> int:
    return route.attributes.med or 0  # a missing MED is the lowest (RFC 4271 section 9.1.2.2 c)


def _beaten_by_med(route: Route, others: Sequence[Route]) -> bool:
    neighbour = as_path.first(route.attributes.as_path)
    return any(_med(other) < _med(route) and as_path.first(other.attributes.as_path) == neighbour for other in others)


def best(routes: Sequence[Route]) -> Route | None:
    """The best of the routes that may be used; None if none may. The order of `routes` does not matter."""
    usable = [route for route in routes if route.excluded is None]
    if len(usable) < 2:
        return usable[0] if usable else None
    highest = min(map(_preference, usable))
    equal = [route for route in usable if _preference(route) == highest]
    # MED is compared within one AS only, so it cannot be part of a sort key.
    remaining = [route for route in equal if not _beaten_by_med(route, equal)]
    return min(remaining, key=_tie_break)
