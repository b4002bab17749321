from __future__ import annotations

from weft.forwarding.drops import COUNTER_MEANING, COUNTERS, MEANING, Counter, Drop


def test_every_reason_and_counter_has_a_sentence_and_an_index_of_its_own() -> None:
    assert set(MEANING) == set(Drop)
    assert set(COUNTER_MEANING) == set(Counter)
    assert max(Drop) < min(Counter)
    assert max(Counter) < COUNTERS
    words = [item.word for item in (*Drop, *Counter)]
    assert len(words) == len(set(words))
