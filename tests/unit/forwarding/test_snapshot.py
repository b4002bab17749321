"""Laws of snapshots and deltas, on rows of every table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from support.topology import Interfaces, rows
from weft.forwarding.rows import TABLES, MacRow, NextHop, Row
from weft.forwarding.snapshot import EMPTY, Snapshot, apply, diff

VARIANTS = [rows(Interfaces()), rows(Interfaces(), learn_from_tunnels=True, strict=True, mtu=1400)]
ANY_ROW = st.sampled_from([row for variant in VARIANTS for row in variant])
SNAPSHOTS = st.lists(ANY_ROW).map(Snapshot.of)


def test_the_sample_rows_cover_every_table() -> None:
    assert {type(row) for row in VARIANTS[0]} == set(TABLES)


@given(SNAPSHOTS, SNAPSHOTS)
def test_applying_the_difference_gives_the_other(old: Snapshot, new: Snapshot) -> None:
    delta = diff(old, new)
    assert apply(delta, old) == new
    assert apply(delta, apply(delta, old)) == new


@given(SNAPSHOTS)
def test_a_snapshot_does_not_differ_from_itself(snapshot: Snapshot) -> None:
    assert not diff(snapshot, snapshot)
    assert snapshot == Snapshot.of(snapshot.rows())
    assert hash(snapshot) == hash(Snapshot.of(snapshot.rows()))


@given(SNAPSHOTS)
def test_what_is_pointed_at_is_written_first_and_removed_last(snapshot: Snapshot) -> None:
    rank = {kind: index for index, kind in enumerate(TABLES)}
    written = [rank[type(row)] for row in diff(EMPTY, snapshot).upserts]
    removed = [rank[kind] for kind, _ in diff(snapshot, EMPTY).deletes]
    assert written == sorted(written)
    assert removed == sorted(removed, reverse=True)
    assert TABLES.index(NextHop) < TABLES.index(MacRow)


def test_a_later_row_replaces_an_earlier_one_of_its_key() -> None:
    first: Row = NextHop(1, ())
    second: Row = VARIANTS[0][[type(row) for row in VARIANTS[0]].index(NextHop)]
    assert Snapshot.of([first, second]).table(NextHop)[1] == second
