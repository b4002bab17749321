"""Message header and stream splitting, RFC 4271 sections 4.1 and 6.1."""

import pytest

from weft.wire.bgp import framing
from weft.wire.bgp.errors import BgpError, Code
from weft.wire.bgp.framing import KEEPALIVE, Framer, MessageType


def header(length: int, kind: int) -> bytes:
    return b"\xff" * 16 + length.to_bytes(2, "big") + bytes((kind,))


def test_keepalive_is_the_bare_header():
    assert bytes.fromhex("ff" * 16 + "0013" + "04") == KEEPALIVE


def test_messages_come_out_whole_whatever_the_cuts():
    stream = framing.pack(MessageType.UPDATE, bytes(4)) + KEEPALIVE + framing.pack(MessageType.UPDATE, bytes(40))
    for size in (1, 2, 7, 19, 20, 500):
        framer, found = Framer(), []
        for offset in range(0, len(stream), size):
            framer.feed(stream[offset : offset + size])
            while (message := framer.next(4096)) is not None:
                found.append(message)
        assert found == [
            (MessageType.UPDATE, bytes(4)),
            (MessageType.KEEPALIVE, b""),
            (MessageType.UPDATE, bytes(40)),
        ]


@pytest.mark.parametrize(
    ("octets", "subcode", "data"),
    [
        (b"\0" + header(19, 4)[1:], 1, b""),
        (header(19, 6), 3, b"\x06"),
        (header(19, 0), 3, b"\x00"),
        (header(18, 4), 2, b"\x00\x12"),
        (header(20, 4), 2, b"\x00\x14"),
        (header(28, 1), 2, b"\x00\x1c"),
        (header(22, 2), 2, b"\x00\x16"),
        (header(20, 3), 2, b"\x00\x14"),
        (header(4097, 2), 2, b"\x10\x01"),
    ],
)
def test_bad_headers_give_the_notification_of_the_rfc(octets, subcode, data):
    framer = Framer()
    framer.feed(octets)
    with pytest.raises(BgpError) as caught:
        framer.next(4096)
    assert (caught.value.code, caught.value.subcode, caught.value.data) == (Code.HEADER, subcode, data)


def test_extended_messages_pass_where_agreed_but_never_an_open():
    big = framing.pack(MessageType.UPDATE, bytes(60000))
    framer = Framer()
    framer.feed(big)
    assert framer.next(framing.EXTENDED_OCTETS) == (MessageType.UPDATE, bytes(60000))
    framer.feed(header(5000, 1))
    with pytest.raises(BgpError, match="OPEN of 5000"):
        framer.next(framing.EXTENDED_OCTETS)
