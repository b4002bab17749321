"""Snapshots of all tables, and the change from one to the next.

Laws, kept by property tests: `apply(diff(a, b), a) == b`, `diff(a, a)` is empty, and applying a delta twice is
the same as applying it once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar, cast

from msgspec import Struct

from weft.forwarding.rows import TABLES, Row, VtepSettings

R = TypeVar("R", bound=Row)


class Delta(Struct, frozen=True):
    """Rows to write and rows to remove. `upserts` are in `TABLES` order, `deletes` in the reverse."""

    upserts: tuple[Row, ...] = ()
    deletes: tuple[tuple[type[Row], Hashable], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.upserts or self.deletes)


class Snapshot:
    """An immutable set of rows, one mapping from key to row for each table."""

    __slots__ = ("_tables",)

    def __init__(self, tables: Mapping[type[Row], Mapping[Hashable, Row]] | None = None) -> None:
        self._tables = tables or {}

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Snapshot:
        """Collect rows; a later row replaces an earlier one of the same key."""
        tables: dict[type[Row], dict[Hashable, Row]] = {}
        for row in rows:
            tables.setdefault(type(row), {})[row.key] = row
        return cls(tables)

    def table(self, kind: type[R]) -> Mapping[Any, R]:
        """The rows of one table by key; empty if it has none."""
        return cast("Mapping[Any, R]", self._tables.get(cast("type[Row]", kind), {}))

    @property
    def settings(self) -> VtepSettings:
        """The settings row, or its defaults."""
        return self.table(VtepSettings).get(0, VtepSettings())

    def rows(self) -> Iterable[Row]:
        for kind in TABLES:
            yield from self.table(kind).values()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and all(self.table(kind) == other.table(kind) for kind in TABLES)

    def __hash__(self) -> int:
        return hash(frozenset(self.rows()))


EMPTY = Snapshot()


def diff(old: Snapshot, new: Snapshot) -> Delta:
    """What turns `old` into `new`."""
    upserts: list[Row] = []
    deletes: list[tuple[type[Row], Hashable]] = []
    for kind in TABLES:
        before, after = old.table(kind), new.table(kind)
        upserts.extend(row for key, row in after.items() if before.get(key) != row)
        deletes.extend((kind, key) for key in before if key not in after)
    deletes.reverse()
    return Delta(tuple(upserts), tuple(deletes))


def apply(delta: Delta, snapshot: Snapshot) -> Snapshot:
    """`snapshot` with `delta` carried out; removing a row that is not there is fine."""
    tables = {kind: dict(snapshot.table(kind)) for kind in TABLES}
    for kind, key in delta.deletes:
        tables[kind].pop(key, None)
    for row in delta.upserts:
        tables[type(row)][row.key] = row
    return Snapshot(cast("Mapping[type[Row], Mapping[Hashable, Row]]", tables))


def in_table_order(upserts: Iterable[Row], deletes: Iterable[tuple[type[Row], Hashable]]) -> Delta:
    """A delta of rows in any order, sorted so that what is pointed at is written first and removed last."""
    rank = {kind: index for index, kind in enumerate(TABLES)}
    return Delta(
        tuple(sorted(upserts, key=lambda row: rank[type(row)])),
        tuple(sorted(deletes, key=lambda item: -rank[item[0]])),
    )
