"""Reading path attributes: every error has the treatment of RFC 7606."""

import pytest

from weft.values import Ip
from weft.wire.bgp import attribute_parse
from weft.wire.bgp.as_path import Segment
from weft.wire.bgp.attribute_parse import TABLE, AttributeBlock, Context
from weft.wire.bgp.attributes import Aggregator, RawAttribute, Type
from weft.wire.bgp.capabilities import EVPN
from weft.wire.bgp.errors import BgpError, Treatment

DISCARD, WITHDRAW = Treatment.DISCARD, Treatment.WITHDRAW


def read(octets: str, *, as4: bool = True, internal: bool = True) -> AttributeBlock:
    context = Context(as4=as4, internal=internal, families=frozenset({EVPN}))
    return attribute_parse.parse(bytes.fromhex(octets), context)


@pytest.mark.parametrize(
    ("octets", "kind", "treatment"),
    [
        ("400100", Type.ORIGIN, WITHDRAW),
        ("40010103", Type.ORIGIN, WITHDRAW),
        ("4001020000", Type.ORIGIN, WITHDRAW),
        ("c0010100", Type.ORIGIN, WITHDRAW),
        ("60010100", Type.ORIGIN, WITHDRAW),
        ("40020105", Type.AS_PATH, WITHDRAW),
        ("400206 0201 00000000", Type.AS_PATH, WITHDRAW),
        ("400303 c00002", Type.NEXT_HOP, WITHDRAW),
        ("800403 000000", Type.MED, WITHDRAW),
        ("c00404 00000001", Type.MED, WITHDRAW),
        ("400503 000000", Type.LOCAL_PREF, WITHDRAW),
        ("40060100", Type.ATOMIC_AGGREGATE, DISCARD),
        ("c00600", Type.ATOMIC_AGGREGATE, DISCARD),
        ("c00706 0000fde9 c000", Type.AGGREGATOR, DISCARD),
        ("c00708 00000000 c0000201", Type.AGGREGATOR, DISCARD),
        ("c00800", Type.COMMUNITIES, WITHDRAW),
        ("c00803 000000", Type.COMMUNITIES, WITHDRAW),
        ("800903 000000", Type.ORIGINATOR_ID, WITHDRAW),
        ("800a00", Type.CLUSTER_LIST, WITHDRAW),
        ("800a05 0000000000", Type.CLUSTER_LIST, WITHDRAW),
        ("c01007 00000000000000", Type.EXTENDED_COMMUNITIES, WITHDRAW),
        ("c01104 0200 0000", Type.AS4_PATH, WITHDRAW),
        ("c01207 00000000000000", Type.AS4_AGGREGATOR, DISCARD),
        ("c01604 00060000", Type.PMSI_TUNNEL, WITHDRAW),
        ("c01609 00ff000000 c0000201", Type.PMSI_TUNNEL, WITHDRAW),
        ("c01705 0008000401", Type.TUNNEL_ENCAPSULATION, WITHDRAW),
        ("c01703 000800", Type.TUNNEL_ENCAPSULATION, WITHDRAW),
        ("c01708 00080004 04100000", Type.TUNNEL_ENCAPSULATION, WITHDRAW),
        ("c01705 0008000180", Type.TUNNEL_ENCAPSULATION, WITHDRAW),
        ("c01900", Type.IPV6_EXTENDED_COMMUNITIES, WITHDRAW),
        ("801a0b 01000b0000000000000001", Type.AIGP, DISCARD),
        ("801d04 00000000", Type.BGP_LS, DISCARD),
        ("c02003 000000", Type.LARGE_COMMUNITIES, WITHDRAW),
        ("c02304 00000000", Type.ONLY_TO_CUSTOMER, WITHDRAW),
        ("c02704 00000000", Type.NEXT_HOP_CHARACTERISTICS, DISCARD),
        ("c02803 0100ff", Type.PREFIX_SID, DISCARD),
        ("802803 010000", Type.PREFIX_SID, DISCARD),
        ("80fd02 beef", 0xFD, DISCARD),
        ("40fd02 beef", 0xFD, WITHDRAW),
        ("4001010040010100", Type.ORIGIN, DISCARD),
        ("4001ff00", Type.ORIGIN, WITHDRAW),
        ("500100", 0, WITHDRAW),
        ("40", 0, WITHDRAW),
    ],
)
def test_each_error_has_its_treatment_and_a_reason(octets, kind, treatment):
    block = read(octets)
    assert [(fault.attribute, fault.treatment) for fault in block.faults] == [(kind, treatment)]
    assert block.faults[0].reason


@pytest.mark.parametrize("octets", ["400504 00000064", "800904 c0000201", "800a04 c0000201", "400500", "800a00"])
def test_internal_attributes_from_outside_are_discarded_well_formed_or_not(octets):
    block = read(octets, internal=False)
    assert [fault.treatment for fault in block.faults] == [DISCARD]
    assert block.fields == {}


def test_bad_flags_of_internal_attributes_from_outside_still_withdraw():
    assert [fault.treatment for fault in read("c00904 c0000201", internal=False).faults] == [WITHDRAW]


def test_the_first_of_two_attributes_counts():
    assert read("40010100 40010102").fields["origin"] == 0


def test_reading_stops_at_a_false_length_and_keeps_what_came_before():
    block = read("40010102 c008ff 0000")
    assert block.fields == {"origin": 2}
    assert [fault.attribute for fault in block.faults] == [Type.COMMUNITIES]


@pytest.mark.parametrize("attribute", ["800e09 0019 46 04 c0000201 00", "800f03 0019 46"])
def test_mp_attributes_that_come_twice_end_the_session(attribute):
    routes = "800e0b 0019 46 04 c0000201 00 6300" if attribute.startswith("800e") else attribute
    with pytest.raises(BgpError, match="comes twice"):
        read(routes * 2)


def test_routes_are_read_from_an_mp_attribute_with_false_flags():
    block = read("c00e0b 0019 46 04 c0000201 00 6300")
    assert block.reach is not None
    assert block.reach.nlris == (b"\x63\0",)
    assert [fault.treatment for fault in block.faults] == [WITHDRAW]


def test_unknown_transitive_attributes_are_passed_on_as_partial():
    block = read("d0fd0002 beef")
    assert block.faults == []
    assert block.others == [RawAttribute(0xE0, 0xFD, b"\xbe\xef")]


def test_a_well_formed_tunnel_encapsulation_is_passed_on_raw():
    value = "00080010 0404 00000000 80 0002 abcd 0603c00002"
    block = read("c01714" + value)
    assert block.faults == []
    assert block.others == [RawAttribute(0xC0, 23, bytes.fromhex(value))]


def test_old_neighbours_paths_and_aggregators_are_completed():
    block = read("400206 0202 fde9 5ba0 c01106 0201 00011170 c00706 5ba0 c0000201 c01208 00011170 c0000201", as4=False)
    assert block.faults == []
    assert block.fields["as_path"] == (Segment(2, (65001, 70000)),)
    assert block.fields["aggregator"] == Aggregator(70000, Ip.parse("192.0.2.1"))


def test_an_aggregator_that_is_not_as_trans_makes_both_as4_attributes_stale():
    block = read("400204 0201 fde9 c01106 0201 00011170 c00706 fde9 c0000201 c01208 00011170 c0000201", as4=False)
    assert block.fields["as_path"] == (Segment(2, (65001,)),)
    assert block.fields["aggregator"].asn == 65001


def test_a_malformed_as4_path_of_an_old_neighbour_is_only_discarded():
    assert [fault.treatment for fault in read("c01104 0200 0000", as4=False).faults] == [DISCARD]


def test_as4_attributes_between_new_speakers_change_nothing():
    block = read("400206 0201 0000fde9 c01106 0201 00011170")
    assert block.fields == {"as_path": (Segment(2, (65001,)),)}


def test_every_known_type_refuses_odd_octets_without_raising_anything_else():
    for kind, spec in TABLE.items():
        if kind in (Type.MP_REACH, Type.MP_UNREACH):
            continue
        for size in range(26):
            attribute = bytes((spec.flags, kind, size)) + b"\xff" * size
            block = read(attribute.hex())
            assert len(block.faults) <= 1
