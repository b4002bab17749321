"""Every counted oddity is explained."""

from weft.control.bgp.reasons import MEANINGS, Reason


def test_every_reason_has_one_sentence():
    assert set(MEANINGS) == set(Reason)
    assert all(meaning.endswith(".") and len(meaning) > 20 for meaning in MEANINGS.values())
    assert len(set(MEANINGS.values())) == len(MEANINGS)
