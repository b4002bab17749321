"""UPDATE as a whole: RFC 4271 section 4.3 and the rules of RFC 7606 that need the whole message."""

import struct

import pytest

from weft.values import Esi, Ip, Mac, Rd
from weft.wire.bgp import attributes, mp, update
from weft.wire.bgp.attribute_parse import Context
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.capabilities import EVPN, IPV4_UNICAST
from weft.wire.bgp.errors import BgpError, Code, Treatment
from weft.wire.bgp.evpn import Imet, MacIp
from weft.wire.bgp.framing import HEADER_OCTETS, Framer
from weft.wire.bgp.update import END_OF_RIB

CONTEXT = Context(as4=True, internal=True, families=frozenset({EVPN}))
NEXT_HOP = Ip.parse("192.0.2.1")
ATTRIBUTES = Attributes(next_hop=NEXT_HOP, local_pref=100)
IMET = Imet(rd=Rd.parse("192.0.2.1:1"), tag=0, originator=NEXT_HOP)
MANDATORY = "40010100 400200"
REACH = mp.pack_reach(NEXT_HOP, IMET.pack()).hex()
UNREACH = mp.pack_unreach(IMET.pack()).hex()


def mac_ip(number: int) -> MacIp:
    return MacIp(rd=Rd.parse("192.0.2.1:1"), esi=Esi(), tag=0, mac=Mac(number.to_bytes(6, "big")), ip=None, label=100)


def body(attribute_hex: str, nlri: str = "", withdrawn: str = "") -> bytes:
    octets, gone = bytes.fromhex(attribute_hex), bytes.fromhex(withdrawn)
    return struct.pack("!H", len(gone)) + gone + struct.pack("!H", len(octets)) + octets + bytes.fromhex(nlri)


def read(attribute_hex: str, nlri: str = "", withdrawn: str = "") -> update.Update:
    return update.parse(body(attribute_hex, nlri, withdrawn), CONTEXT)


def test_announced_routes_come_with_their_attributes():
    parsed = read(REACH + MANDATORY + "400504 00000064")
    assert parsed.announced == ((IMET.pack(), IMET),)
    assert parsed.attributes == ATTRIBUTES
    assert (parsed.withdrawn, parsed.faults, parsed.treatment) == ((), (), None)


def test_withdrawn_routes_need_no_attributes():
    parsed = read(UNREACH)
    assert parsed.withdrawn == (IMET.key,)
    assert (parsed.announced, parsed.attributes, parsed.end_of_rib) == ((), None, None)


def test_end_of_rib_is_an_empty_mp_unreach():
    assert update.parse(END_OF_RIB[HEADER_OCTETS:], CONTEXT).end_of_rib == EVPN
    assert update.parse(bytes(4), CONTEXT).end_of_rib == IPV4_UNICAST
    assert read("800f03 0019 46" + MANDATORY).end_of_rib is None


@pytest.mark.parametrize("missing", ["400200", "40010100"])
def test_missing_mandatory_attributes_withdraw(missing):
    parsed = read(REACH + missing)
    assert parsed.treatment is Treatment.WITHDRAW
    assert (parsed.announced, parsed.withdrawn) == ((), (IMET.key,))


def test_the_strongest_treatment_wins_and_all_reasons_are_told():
    parsed = read(REACH + MANDATORY + "40060100 c00800 80fd00")
    assert [fault.treatment for fault in parsed.faults] == [
        Treatment.DISCARD,
        Treatment.WITHDRAW,
        Treatment.DISCARD,
    ]
    assert parsed.treatment is Treatment.WITHDRAW
    assert parsed.withdrawn == (IMET.key,)


def test_a_discarded_attribute_leaves_the_routes():
    parsed = read(REACH + MANDATORY + "40060100")
    assert parsed.treatment is Treatment.DISCARD
    assert len(parsed.announced) == 1


def test_withdrawals_beside_a_treated_error_still_count():
    other = mac_ip(5)
    parsed = read(REACH + mp.pack_unreach(other.pack()).hex() + MANDATORY + "c00800")
    assert set(parsed.withdrawn) == {other.key, IMET.key}


@pytest.mark.parametrize(
    "attribute_hex",
    [
        MANDATORY + "c00800",
        UNREACH + "c00800",
        "40010103",
        UNREACH + "c008ff",
        "c00eff 0019",
    ],
)
def test_a_strong_error_without_reachable_routes_ends_the_session(attribute_hex):
    """RFC 7606 section 5.2."""
    with pytest.raises(BgpError) as caught:
        read(attribute_hex)
    assert (caught.value.code, caught.value.subcode) == (Code.UPDATE, 1)


@pytest.mark.parametrize("octets", ["", "0000", "000000", "0001 0000", "0000 0001", "ffff 0000"])
def test_lengths_beyond_the_message_end_the_session(octets):
    with pytest.raises(BgpError) as caught:
        update.parse(bytes.fromhex(octets), CONTEXT)
    assert (caught.value.code, caught.value.subcode) == (Code.UPDATE, 1)


def test_a_single_bad_route_does_not_take_the_others_along():
    bad = bytes.fromhex("02 03 000000")
    named = mac_ip(7).pack()
    named = bytes((2, named[1] + 1)) + named[2:] + b"\0"
    routes = mp.pack_reach(NEXT_HOP, IMET.pack() + bad + named).hex()
    parsed = read(routes + MANDATORY)
    assert [route for _, route in parsed.announced] == [IMET]
    assert parsed.withdrawn == (mac_ip(7).key,)
    assert len(parsed.malformed_routes) == 2


def test_ipv4_prefixes_are_checked_counted_and_ignored():
    parsed = read(MANDATORY + "400304 c0000201", nlri="18 c00002 00", withdrawn="20 c0000201")
    assert (parsed.announced, parsed.withdrawn, parsed.ignored_routes) == ((), (), 3)


@pytest.mark.parametrize(("nlri", "withdrawn"), [("21 c000020100", ""), ("", "18 c0"), ("20 c00002", "")])
def test_unreadable_ipv4_prefixes_end_the_session(nlri, withdrawn):
    with pytest.raises(BgpError) as caught:
        read(MANDATORY + "400304 c0000201", nlri, withdrawn)
    assert (caught.value.code, caught.value.subcode) == (Code.UPDATE, 10)


@pytest.mark.parametrize("next_hop", ["", "400304 00000000", "400304 7f000001", "400304 e0000001"])
def test_ipv4_routes_without_a_proper_next_hop_are_withdrawn(next_hop):
    assert read(MANDATORY + next_hop, nlri="18 c00002").treatment is Treatment.WITHDRAW


def test_families_that_were_not_agreed_are_ignored():
    parsed = read("800e16 0002 01 10" + "20" * 16 + "00 00" + MANDATORY)
    assert (parsed.announced, parsed.ignored_routes) == ((), 1)
    without = Context(as4=True, internal=True, families=frozenset())
    parsed = update.parse(body(REACH + MANDATORY), without)
    assert (parsed.announced, parsed.ignored_routes) == ((), 1)


def split(messages: list[bytes]) -> list[update.Update]:
    framer, found = Framer(), []
    framer.feed(b"".join(messages))
    while (message := framer.next(65535)) is not None:
        found.append(update.parse(message[1], CONTEXT))
    return found


@pytest.mark.parametrize("limit", [4096, 65535])
def test_many_routes_share_messages_up_to_the_size_limit(limit):
    routes = [mac_ip(number) for number in range(3000)]
    messages = update.pack_announcements(
        [route.pack() for route in routes], NEXT_HOP, attributes.pack(ATTRIBUTES), limit
    )
    assert all(len(message) <= limit for message in messages)
    assert len(messages) < 3000 * 36 / limit * 1.1 + 1
    parsed = split(messages)
    assert [route for one in parsed for _, route in one.announced] == routes
    assert {one.attributes for one in parsed} == {ATTRIBUTES}


def test_withdrawals_share_messages_up_to_the_size_limit():
    routes = [mac_ip(number) for number in range(300)]
    messages = update.pack_withdrawals([route.pack() for route in routes], 4096)
    assert max(map(len, messages)) <= 4096
    assert [key for one in split(messages) for key in one.withdrawn] == [route.key for route in routes]


def test_routes_that_fit_no_message_are_not_packed():
    assert update.pack_announcements([IMET.pack()], NEXT_HOP, bytes(4090), 4096) == []
    assert update.pack_announcements([], NEXT_HOP, b"", 4096) == []
