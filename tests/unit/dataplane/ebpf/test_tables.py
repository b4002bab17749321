from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.dataplane.ebpf.tables import Indexes
from weft.values import CapabilityMissing


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_indexes_are_stable_unique_and_reused(steps: list[tuple[bool, int]]) -> None:
    indexes, model = Indexes(1, 11, "things"), {}
    for take, name in steps:
        if take:
            model.setdefault(name, indexes.of(name))
            assert indexes.of(name) == model[name]
        else:
            assert indexes.release(name) == model.pop(name, None)
        assert indexes.known() == model
        assert len(set(model.values())) == len(model)
        assert all(1 <= index < 11 for index in model.values())


def test_when_all_are_taken_it_says_what_does_not_fit() -> None:
    indexes = Indexes(1, 3, "tunnels")
    assert [indexes.of("a"), indexes.of("b")] == [1, 2]
    with pytest.raises(CapabilityMissing, match="more than 3 tunnels"):
        indexes.of("c")
    indexes.release("a")
    assert indexes.of("c") == 1
