"""Which rows ought to be in the data plane, and which are not there yet.

Two producers write: the node itself, which states its own rows anew whenever the machine changes, and the overlay,
which hands out deltas. A row that failed stays pending with its reason and is tried again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import islice

from weft.dataplane.base import DataPlane, RowError
from weft.forwarding.rows import Row
from weft.forwarding.snapshot import EMPTY, Delta, Snapshot, diff, in_table_order

RETRY_ROWS = 256


class Desired:
    """Keeps a data plane at what was stated. `pending` are the rows that failed, with their reasons."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._own = EMPTY
        self.pending: dict[tuple[type[Row], Hashable], RowError] = {}

    def state(self, rows: Iterable[Row]) -> None:
        """The node's own rows, all of them, as they should be from now on."""
        wanted = Snapshot.of(rows)
        self.apply(diff(self._own, wanted))
        self._own = wanted

    def apply(self, delta: Delta) -> None:
        """Carry out a change, and note what failed."""
        if not delta:
            return
        for row in delta.upserts:
            self.pending.pop((type(row), row.key), None)
        for name in delta.deletes:
            self.pending.pop(name, None)
        for error in self._plane.apply(delta):
            self.pending[type(error.row), error.row.key] = error

    def retry(self) -> None:
        """Try pending rows once more, some at a time: each that fails costs a call of its own."""
        if self.pending:
            rows = [error.row for error in islice(self.pending.values(), RETRY_ROWS)]
            self.apply(in_table_order(rows, ()))

    def activate(self) -> None:
        """Let the data plane forward by what was stated; an interface that is gone by now is pending."""
        for error in self._plane.activate():
            self.pending[type(error.row), error.row.key] = error
