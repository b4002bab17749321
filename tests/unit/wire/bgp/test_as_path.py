"""AS_PATH and AS4_PATH, RFC 4271 and RFC 6793."""

import pytest

from weft.values import WireError
from weft.wire.bgp import as_path
from weft.wire.bgp.as_path import AS_SEQUENCE, AS_SET, Segment


def sequence(*asns: int) -> Segment:
    return Segment(AS_SEQUENCE, asns)


def a_set(*asns: int) -> Segment:
    return Segment(AS_SET, asns)


@pytest.mark.parametrize("octets", [2, 4])
def test_round_trip(octets):
    path = (sequence(65001, 65002), a_set(1, 2, 3), sequence(9))
    assert as_path.parse(as_path.pack(path, octets), octets) == path


def test_large_as_numbers_become_as_trans_in_two_octets():
    assert as_path.parse(as_path.pack((sequence(4200000001, 5),), 2), 2) == (sequence(23456, 5),)


@pytest.mark.parametrize(
    "octets",
    [
        "02",
        "02 00",
        "00 01 00000001",
        "05 01 00000001",
        "03 01 00000001",
        "02 02 00000001",
        "02 01 00000000",
        "02 01 00000001 02",
    ],
)
def test_what_rfc_7606_calls_malformed_is_refused(octets):
    with pytest.raises(WireError):
        as_path.parse(bytes.fromhex(octets), 4)


def test_a_set_counts_as_one_hop():
    assert as_path.length((sequence(1, 2), a_set(3, 4, 5))) == 3
    assert as_path.length(()) == 0


def test_prepend_opens_a_new_segment_before_a_set_or_a_full_one():
    assert as_path.prepend((), 1) == (sequence(1),)
    assert as_path.prepend((sequence(2),), 1) == (sequence(1, 2),)
    assert as_path.prepend((a_set(2),), 1) == (sequence(1), a_set(2))
    full = sequence(*range(1, 256))
    assert as_path.prepend((full,), 1) == (sequence(1), full)


def test_neighbouring_as_is_the_first_of_a_leading_sequence():
    assert as_path.first((sequence(7, 8),)) == 7
    assert as_path.first((a_set(7),)) is None
    assert as_path.first(()) is None


@pytest.mark.parametrize(
    ("path", "as4", "merged"),
    [
        ((sequence(1, 23456, 3),), (sequence(70000, 3),), (sequence(1, 70000, 3),)),
        ((sequence(23456),), (sequence(70000),), (sequence(70000),)),
        ((sequence(1),), (sequence(2, 3),), (sequence(1),)),
        ((sequence(1, 2),), (), (sequence(1, 2),)),
        ((sequence(1), a_set(2, 3), sequence(23456)), (sequence(70000),), (sequence(1), a_set(2, 3), sequence(70000))),
        ((), (), ()),
    ],
)
def test_as4_path_replaces_the_tail_of_its_length(path, as4, merged):
    assert as_path.merge(path, as4) == merged
