"""MP_REACH_NLRI and MP_UNREACH_NLRI, RFC 4760; what cannot be located ends the session (RFC 7606 section 5.3)."""

import pytest

from weft.values import Ip
from weft.wire.bgp import mp
from weft.wire.bgp.capabilities import EVPN, Family
from weft.wire.bgp.errors import BgpError

NLRI = bytes.fromhex("6302abcd")


def test_reads_next_hop_and_cuts_out_the_routes():
    read = mp.parse_reach(bytes.fromhex("0019 46 04 c0000201 00") + NLRI * 2)
    assert (read.family, read.next_hop, read.nlris) == (EVPN, Ip.parse("192.0.2.1"), (NLRI, NLRI))


@pytest.mark.parametrize("octets", [16, 32])
def test_ipv6_next_hops_are_their_global_address(octets):
    value = bytes.fromhex("0019 46") + bytes((octets,)) + bytes(15) + b"\x09" + bytes(octets - 16) + b"\0" + NLRI
    assert mp.parse_reach(value).next_hop == Ip(bytes(15) + b"\x09")


def test_families_that_are_not_ours_are_left_alone():
    read = mp.parse_reach(bytes.fromhex("4004 47 05 0000000000 00 ffff"))
    assert (read.family, read.next_hop, read.nlris) == (Family(0x4004, 0x47), None, ())


def test_written_attributes_are_read_back():
    packed = mp.pack_reach(Ip.parse("2001:db8::1"), NLRI)
    assert packed[:3] == bytes((0x80, 14, len(packed) - 3))
    assert mp.parse_reach(packed[3:]).nlris == (NLRI,)
    packed = mp.pack_unreach(NLRI)
    assert mp.parse_unreach(packed[3:]).nlris == (NLRI,)
    assert mp.parse_unreach(mp.pack_unreach(b"")[3:]).empty


@pytest.mark.parametrize(
    "value",
    [
        "0019 46",
        "0019 46 05 c000020100 00 6302abcd",
        "0019 46 04 c0000201",
        "0019 46 04 c0000201 00",
        "0019 46 04 c0000201 00 63",
        "0019 46 04 c0000201 00 6303abcd",
        "0001 01 04 c0000201 00 21 c000020100",
        "0001 01 04 c0000201 00 18 c000",
        "0002 01 10" + "00" * 16 + "00 81" + "00" * 17,
    ],
)
def test_unlocatable_routes_of_mp_reach_end_the_session(value):
    with pytest.raises(BgpError):
        mp.parse_reach(bytes.fromhex(value))


@pytest.mark.parametrize("value", ["", "0019", "0019 46 02", "0019 46 0203ab", "0001 01 18 c0"])
def test_unlocatable_routes_of_mp_unreach_end_the_session(value):
    with pytest.raises(BgpError):
        mp.parse_unreach(bytes.fromhex(value))


def test_prefixes_are_counted():
    assert mp.count_prefixes(bytes.fromhex("00 08 0a 18 c00002 20 c0000201"), 32) == 4
