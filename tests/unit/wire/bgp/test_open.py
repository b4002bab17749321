"""OPEN, RFC 4271 section 4.2, with RFC 9072."""

import pytest

from weft.values import Ip
from weft.wire.bgp import open as opens
from weft.wire.bgp.capabilities import EVPN, Capabilities
from weft.wire.bgp.errors import BgpError, Code
from weft.wire.bgp.framing import HEADER_OCTETS
from weft.wire.bgp.open import Open

ROUTER_ID = Ip.parse("192.0.2.7")
# version 4, AS 65001, hold 90, 192.0.2.7, one parameter with multiprotocol 25/70 and 4-octet AS 65001
BODY = bytes.fromhex("04 fde9 005a c0000207 0e02 0c01 04 0019 00 4641 04 0000fde9")


def body_of(parameters: bytes, length: int | None = None) -> bytes:
    size = len(parameters) if length is None else length
    return BODY[:9] + bytes((size,)) + parameters


def test_reads_every_field():
    read = opens.parse(BODY)
    assert (read.asn, read.hold_time_s, read.router_id) == (65001, 90, ROUTER_ID)
    assert read.capabilities == Capabilities(families=(EVPN,), asn=65001)


def test_writes_what_it_reads():
    assert opens.parse(BODY).pack()[HEADER_OCTETS:] == BODY


def test_large_as_numbers_hide_behind_as_trans():
    packed = Open(asn=4200000001, hold_time_s=9, router_id=ROUTER_ID, capabilities=Capabilities(asn=4200000001)).pack()[
        HEADER_OCTETS:
    ]
    assert packed[1:3] == (23456).to_bytes(2, "big")
    assert opens.parse(packed).asn == 4200000001


def test_without_capabilities_the_two_octet_as_counts():
    assert opens.parse(BODY[:9] + b"\0").asn == 65001


def test_long_form_is_written_when_needed_and_read_back():
    many = Capabilities(unknown=tuple((200, bytes(100)) for _ in range(4)))
    packed = Open(asn=1, hold_time_s=9, router_id=ROUTER_ID, capabilities=many).pack()[HEADER_OCTETS:]
    assert packed[9:11] == b"\xff\xff"
    assert opens.parse(packed).capabilities == many


def test_long_form_is_accepted_with_any_short_length_but_zero():
    parameters = bytes.fromhex("ff 000902 000601 04 0019 00 46")
    assert opens.parse(body_of(parameters, 7)).capabilities.families == (EVPN,)
    with pytest.raises(BgpError):
        opens.parse(body_of(parameters, 0))


@pytest.mark.parametrize(
    ("body", "subcode"),
    [
        (b"\x03" + BODY[1:], opens.BAD_VERSION),
        (body_of(bytes.fromhex("01 02 0000")), opens.BAD_PARAMETER),
        (body_of(bytes.fromhex("02 05 01040019")), opens.UNSPECIFIC),
        (body_of(bytes.fromhex("02 03 01 04 00")), opens.UNSPECIFIC),
        (body_of(bytes.fromhex("02 03 41 01 00")), opens.UNSPECIFIC),
        (BODY[:1] + b"\x00\x07" + BODY[3:], opens.BAD_PEER_AS),
        (body_of(b"\x02"), opens.UNSPECIFIC),
        (BODY + b"\0", opens.UNSPECIFIC),
        (body_of(bytes.fromhex("ff 0003 02 0001")), opens.UNSPECIFIC),
        (body_of(bytes.fromhex("ff 00")), opens.UNSPECIFIC),
    ],
)
def test_bad_opens_give_the_notification_of_the_rfc(body, subcode):
    with pytest.raises(BgpError) as caught:
        opens.parse(body)
    assert (caught.value.code, caught.value.subcode) == (Code.OPEN, subcode)


def test_a_wrong_version_is_answered_with_ours():
    with pytest.raises(BgpError) as caught:
        opens.parse(b"\x05" + BODY[1:])
    assert caught.value.data == b"\x00\x04"


def test_every_truncation_is_refused_as_an_open_error():
    for size in range(len(BODY)):
        with pytest.raises(BgpError) as caught:
            opens.parse(BODY[:size])
        assert caught.value.code is Code.OPEN
