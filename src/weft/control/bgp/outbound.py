"""The sending side of one established session: which keys are due, what was advertised, and the UPDATEs for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from msgspec import Struct

from weft.config.tree import Bgp
from weft.control.bgp.export import Target, exported
from weft.control.bgp.route import Route
from weft.values import Ip
from weft.wire.bgp import attributes as wire_attributes
from weft.wire.bgp import update
from weft.wire.bgp.attributes import Attributes

FLUSH_ROUTES = 1000
"""Keys that one flush takes up, so that it stays within a few milliseconds."""


class _Group(Struct):
    """Routes that share attributes and so share UPDATEs."""

    next_hop: Ip
    packed: bytes
    nlris: dict[bytes, bytes]


class Outbound:
    """Memory is bounded by the number of keys: a slow peer costs a pending key each, never a queue of messages."""

    def __init__(self, target: Target, bgp: Bgp, keys: Iterable[bytes]) -> None:
        self.target = target
        self._bgp = bgp
        self._pending: dict[bytes, None] = dict.fromkeys(keys)
        self._advertised: dict[bytes, bytes] = {}
        self._end_of_rib_due = True
        self.blocked = False
        self.too_large = 0
        """Routes whose attributes left no room for them in a message."""

    @property
    def due(self) -> bool:
        """A flush would send something."""
        return not self.blocked and (bool(self._pending) or self._end_of_rib_due)

    @property
    def sent(self) -> int:
        """Routes that the peer holds from us."""
        return len(self._advertised)

    def mark(self, key: bytes) -> None:
        """The best route of this key changed."""
        self._pending[key] = None

    def refresh(self, keys: Iterable[bytes]) -> None:
        """Send everything again (RFC 2918)."""
        self._pending.update(dict.fromkeys(keys))

    def flush(self, best: Callable[[bytes], Route | None]) -> bytes:
        """UPDATEs for a bounded part of what is due, withdrawals first; End-of-RIB after the first table."""
        withdrawn: list[bytes] = []
        groups = self._collect(best, withdrawn)
        messages = update.pack_withdrawals(withdrawn, self.target.message_octets)
        for group in groups:
            messages += self._announce(group)
        if self._end_of_rib_due and not self._pending:
            self._end_of_rib_due = False
            messages.append(update.END_OF_RIB)
        return b"".join(messages)

    def _collect(self, best: Callable[[bytes], Route | None], withdrawn: list[bytes]) -> list[_Group]:
        rewritten: dict[tuple[int, int], Attributes | None] = {}
        groups: dict[Attributes, _Group] = {}
        keys = list(islice(self._pending, FLUSH_ROUTES))
        for key in keys:
            del self._pending[key]
            route = best(key)
            outgoing = self._exported(route, rewritten)
            if route is None or outgoing is None:
                if (sent := self._advertised.pop(key, None)) is not None:
                    withdrawn.append(sent)
                continue
            group = groups.get(outgoing)
            if group is None:
                packed = wire_attributes.pack(outgoing, self.target.as4)
                group = groups[outgoing] = _Group(outgoing.next_hop, packed, {})
            group.nlris[key] = route.octets
        return list(groups.values())

    def _exported(self, route: Route | None, rewritten: dict[tuple[int, int], Attributes | None]) -> Attributes | None:
        """Rewriting is done once for all routes with the same attributes and source."""
        if route is None:
            return None
        attributes, source = route.attributes, route.source
        identity = (id(attributes), id(source))
        if identity not in rewritten:
            rewritten[identity] = exported(attributes, source, self.target, self._bgp)
        return rewritten[identity]

    def _announce(self, group: _Group) -> list[bytes]:
        nlris = list(group.nlris.values())
        messages = update.pack_announcements(nlris, group.next_hop, group.packed, self.target.message_octets)
        if messages:
            self._advertised.update(group.nlris)
            return messages
        self.too_large += len(nlris)
        stale = [self._advertised.pop(key) for key in group.nlris if key in self._advertised]
        return update.pack_withdrawals(stale, self.target.message_octets)
