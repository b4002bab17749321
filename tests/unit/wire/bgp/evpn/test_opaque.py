"""EVPN routes that are passed on unread."""

import pytest

from weft.wire.bgp.evpn import MalformedRoute, Opaque, opaque

AUTO_DISCOVERY = bytes.fromhex("01 19" + "0001c00002010064" + "11" * 10 + "00000000" + "000064")
PREFIX = bytes.fromhex("05 22" + "0001c00002010064" + "00" * 10 + "00000000" + "18 0a010000" + "00000000" + "0003e8")
PREFIX6 = bytes.fromhex("05 3a" + "0001c00002010064" + "00" * 10 + "00000000" + "40" + "20" * 16 + "00" * 16 + "0003e8")
SEGMENT = bytes.fromhex("04 17" + "0001c00002010064" + "11" * 10 + "20 c0000201")


@pytest.mark.parametrize("nlri", [AUTO_DISCOVERY, PREFIX, PREFIX6, SEGMENT, bytes.fromhex("63 02 abcd"), b"\x63\0"])
def test_octets_pass_unchanged(nlri):
    assert opaque.parse(nlri).pack() == nlri
    assert opaque.parse(nlri).route_type == nlri[0]


@pytest.mark.parametrize("nlri", [AUTO_DISCOVERY, PREFIX, PREFIX6])
def test_a_change_of_label_is_the_same_route(nlri):
    assert Opaque(nlri).key == Opaque(nlri[:-3] + b"\0\0\0").key


def test_a_change_of_prefix_or_rd_is_another_route():
    for changed in (
        PREFIX[:9] + b"\x65" + PREFIX[10:],
        PREFIX[:24] + b"\x17" + PREFIX[25:],
        PREFIX[:25] + b"\x0b" + PREFIX[26:],
    ):
        assert Opaque(changed).key != Opaque(PREFIX).key


def test_gateway_and_segment_of_a_prefix_do_not_name_it():
    assert Opaque(PREFIX[:10] + b"\x11" * 10 + PREFIX[20:]).key == Opaque(PREFIX).key
    assert Opaque(PREFIX[:29] + b"\x0a\0\0\x01" + PREFIX[33:]).key == Opaque(PREFIX).key


def test_an_unknown_type_is_named_by_all_of_it():
    assert Opaque(b"\x63\x01a").key == b"\x63\x01a"


@pytest.mark.parametrize(
    "nlri",
    [
        b"\x01\x18" + bytes(24),
        b"\x01\x1a" + bytes(26),
        b"\x04\x13" + bytes(18) + b"\x80",
        SEGMENT[:20] + b"\x80" + SEGMENT[21:],
        b"\x05\x14" + bytes(20),
        PREFIX[:24] + b"\x21" + PREFIX[25:],
        PREFIX6[:24] + b"\x81" + PREFIX6[25:],
    ],
)
def test_known_types_with_false_lengths_are_refused(nlri):
    with pytest.raises(MalformedRoute):
        opaque.parse(nlri)
