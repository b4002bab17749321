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


SELECTIVE = bytes.fromhex(
    "06 1c" + "0001c00002010064" + "00000000" + "20 0a010101" + "20 ef020202" + "20 c0000201" + "04"
)
JOIN = bytes.fromhex(
    "07 22" + "0001c00002010064" + "11" * 10 + "00000000" + "00" + "20 ef020202" + "20 c0000201" + "0f"
)
LEAVE = bytes.fromhex(
    "08 27" + "0001c00002010064" + "11" * 10 + "00000000" + "00" + "20 ef020202" + "20 c0000201" + "00000000 14 03"
)
REGION = bytes.fromhex("09 14" + "0001c00002010064" + "00000000" + "0009000000000001")
S_PMSI = bytes.fromhex("0a 17" + "0001c00002010064" + "00000000" + "00" + "20 ef020202" + "20 c0000201")
LEAF = bytes((11, len(S_PMSI) + 5)) + S_PMSI + bytes.fromhex("20 c0000202")
MULTICAST = [SELECTIVE, JOIN, LEAVE, REGION, S_PMSI, LEAF]


@pytest.mark.parametrize("nlri", MULTICAST)
def test_multicast_routes_pass_unchanged(nlri):
    assert opaque.parse(nlri).pack() == nlri


@pytest.mark.parametrize("nlri", [SELECTIVE, JOIN, LEAVE])
def test_a_change_of_multicast_flags_is_the_same_route(nlri):
    assert Opaque(nlri).key == Opaque(nlri[:-1] + b"\0").key


@pytest.mark.parametrize("nlri", [AUTO_DISCOVERY, SEGMENT, PREFIX, PREFIX6, *MULTICAST[:-1]])
def test_known_types_are_refused_at_every_false_length(nlri):
    for size in range(len(nlri) - 2):
        # A leave sync may come without its last octet.
        if (nlri, size) != (LEAVE, len(nlri) - 3):
            with pytest.raises(MalformedRoute):
                opaque.parse(bytes((nlri[0], size)) + nlri[2 : 2 + size])
    with pytest.raises(MalformedRoute):
        opaque.parse(bytes((nlri[0], nlri[1] + 1)) + nlri[2:] + b"\0")


@pytest.mark.parametrize(
    "nlri",
    [
        SEGMENT[:20] + b"\x80" + SEGMENT[21:],
        PREFIX[:24] + b"\x21" + PREFIX[25:],
        PREFIX6[:24] + b"\x81" + PREFIX6[25:],
        SELECTIVE[:14] + b"\x40" + SELECTIVE[15:],
        b"\x0b\x00",
        b"\x0b\x05\x20" + bytes(4),
        LEAF[:-5] + b"\x10" + LEAF[-4:],
    ],
)
def test_known_types_with_false_addresses_are_refused(nlri):
    with pytest.raises(MalformedRoute):
        opaque.parse(nlri)
