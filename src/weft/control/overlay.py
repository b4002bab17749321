"""Overlay rows: what control planes know about remote VTEPs, turned into forwarding rows.

Control planes say facts (this remote is a member of that network, this MAC is behind that remote); this class keeps
the rows that follow, allocates next-hop ids and counts who uses a tunnel, and hands out what changed. Work is
proportional to the change, never to the tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import cast

from weft.forwarding.rows import (
    MESH_GROUP,
    PORT_GROUP,
    Accept,
    FloodList,
    FloodMember,
    MacRow,
    MacSource,
    NextHop,
    Row,
    Target,
    Tunnel,
)
from weft.forwarding.snapshot import Delta, Snapshot, in_table_order
from weft.values import Encap, Ip, Mac


class NextHops:
    """Ids of next hops in use; 0 is never given out. Equal target sets share one id.

    A released id is not given out again before `recycle`: rows that pointed to it may still be in force, and would
    lead to wherever it points next.
    """

    def __init__(self) -> None:
        self._ids: dict[tuple[Target, ...], int] = {}
        self._users: Counter[tuple[Target, ...]] = Counter()
        self._free: list[int] = []
        self._released: list[int] = []
        self._next = 1

    def acquire(self, targets: tuple[Target, ...]) -> tuple[int, bool]:
        """The id, and whether it is new."""
        self._users[targets] += 1
        known = self._ids.get(targets)
        if known is not None:
            return known, False
        if self._free:
            number = self._free.pop()
        else:
            number, self._next = self._next, self._next + 1
        self._ids[targets] = number
        return number, True

    def release(self, targets: tuple[Target, ...]) -> int | None:
        """The id, if nobody uses it any more."""
        self._users[targets] -= 1
        if self._users[targets]:
            return None
        del self._users[targets]
        number = self._ids.pop(targets)
        self._released.append(number)
        return number

    def recycle(self) -> None:
        """No row points to what was released before this call: those ids may be used again."""
        self._free += self._released
        self._released = []


class Overlay:
    """See the module's docstring. `local` is the VTEP's own address, the source of every tunnel."""

    def __init__(self, local: Ip) -> None:
        self._local = local
        self._rows: dict[type[Row], dict[Hashable, Row]] = {}
        self._upserts: dict[tuple[type[Row], Hashable], Row] = {}
        self._deletes: dict[tuple[type[Row], Hashable], None] = {}
        self._nexthops = NextHops()
        self._tunnel_users: Counter[tuple[Encap, Ip]] = Counter()
        self._ports: dict[int, tuple[int, ...]] = {}
        self._members: dict[int, set[Target]] = {}
        self._accepts: dict[tuple[int, Encap, Ip, int], tuple[Target, ...]] = {}
        self._macs: dict[tuple[int, Mac], tuple[Target, ...]] = {}

    # Rows and their changes.

    def _put(self, row: Row) -> None:
        table = self._rows.setdefault(type(row), {})
        if table.get(row.key) != row:
            table[row.key] = row
            self._upserts[type(row), row.key] = row
            self._deletes.pop((type(row), row.key), None)

    def _remove(self, kind: type[Row], key: Hashable) -> None:
        if self._rows.get(kind, {}).pop(key, None) is not None:
            self._upserts.pop((kind, key), None)
            self._deletes[kind, key] = None

    def take_delta(self) -> Delta:
        """What changed since the last call."""
        delta = in_table_order(self._upserts.values(), self._deletes)
        self._upserts, self._deletes = {}, {}
        # What was released before this delta is given out in a later one, when this one has been applied.
        self._nexthops.recycle()
        return delta

    def snapshot(self) -> Snapshot:
        """All rows as they should be now."""
        return Snapshot.of(row for table in self._rows.values() for row in table.values())

    def remotes(self) -> set[Ip]:
        """Every remote VTEP that some row leads to."""
        return {cast("Tunnel", row).remote for row in self._rows.get(Tunnel, {}).values()}

    # Tunnels and next hops, kept while something leads to them.

    def _use_tunnel(self, target: Target) -> None:
        self._tunnel_users[target.tunnel] += 1
        self._put(Tunnel(target.encap, target.remote, self._local))

    def _leave_tunnel(self, target: Target) -> None:
        self._tunnel_users[target.tunnel] -= 1
        if not self._tunnel_users[target.tunnel]:
            del self._tunnel_users[target.tunnel]
            self._remove(Tunnel, target.tunnel)

    def _use_nexthop(self, targets: tuple[Target, ...]) -> int:
        number, new = self._nexthops.acquire(targets)
        if new:
            for target in targets:
                self._use_tunnel(target)
            self._put(NextHop(number, targets))
        return number

    def _leave_nexthop(self, targets: tuple[Target, ...]) -> None:
        number = self._nexthops.release(targets)
        if number is not None:
            self._remove(NextHop, number)
            for target in targets:
                self._leave_tunnel(target)

    # What control planes and the node say.

    def set_ports(self, bridge: int, ifindexes: Iterable[int]) -> None:
        """The local ports of a bridge table."""
        self._ports[bridge] = tuple(sorted(ifindexes))
        self._write_flood_list(bridge)

    def add_member(self, bridge: int, target: Target) -> None:
        """Flooded frames of the bridge table go to this target too."""
        members = self._members.setdefault(bridge, set())
        if target not in members:
            members.add(target)
            self._use_tunnel(target)
            self._write_flood_list(bridge)

    def remove_member(self, bridge: int, target: Target) -> None:
        members = self._members.get(bridge, set())
        if target in members:
            members.remove(target)
            self._write_flood_list(bridge)
            self._leave_tunnel(target)

    def _write_flood_list(self, bridge: int) -> None:
        ports = [FloodMember(PORT_GROUP, ifindex=ifindex) for ifindex in self._ports.get(bridge, ())]
        tunnels = [FloodMember(MESH_GROUP, target=target) for target in sorted(self._members.get(bridge, ()))]
        if ports or tunnels:
            self._put(FloodList(bridge, (*ports, *tunnels)))
        else:
            self._remove(FloodList, bridge)

    def accept(self, bridge: int, encap: Encap, remote: Ip, wire_key: int, learn_behind: Target | None = None) -> None:
        """Let packets of a remote in; with `learn_behind`, learn their source addresses as behind that target."""
        name = (bridge, encap, remote, wire_key)
        targets = (learn_behind,) if learn_behind else ()
        if name in self._accepts:
            return
        self._accepts[name] = targets
        nexthop = self._use_nexthop(targets) if targets else 0
        self._put(Accept(encap, remote, wire_key, bridge, MESH_GROUP, nexthop))

    def refuse(self, bridge: int, encap: Encap, remote: Ip, wire_key: int) -> None:
        """Take an acceptance back."""
        targets = self._accepts.pop((bridge, encap, remote, wire_key), None)
        if targets is None:
            return
        self._remove(Accept, (encap, remote, wire_key))
        if targets:
            self._leave_nexthop(targets)

    def set_mac(
        self, bridge: int, mac: Mac, target: Target, source: MacSource, *, pinned: bool = False, sequence: int = 0
    ) -> None:
        """Where an address is; replaces what was said before about it."""
        targets = (target,)
        before = self._macs.get((bridge, mac))
        nexthop = self._use_nexthop(targets)
        self._macs[bridge, mac] = targets
        self._put(MacRow(bridge, mac, nexthop, source, pinned, sequence))
        if before is not None:
            self._leave_nexthop(before)

    def remove_mac(self, bridge: int, mac: Mac) -> None:
        targets = self._macs.pop((bridge, mac), None)
        if targets is not None:
            self._remove(MacRow, (bridge, mac))
            self._leave_nexthop(targets)
