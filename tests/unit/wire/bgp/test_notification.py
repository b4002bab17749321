"""NOTIFICATION, RFC 4271 section 4.5; shutdown text, RFC 9003."""

import pytest

from weft.values import Truncated
from weft.wire.bgp import notification
from weft.wire.bgp.framing import HEADER_OCTETS
from weft.wire.bgp.notification import Notification


def test_names_code_and_subcode():
    assert str(Notification(3, 11)) == "3/11 update, malformed AS path"
    assert str(Notification(4, 0)) == "4/0 hold timer"
    assert str(Notification(99, 1)) == "99/1 unknown error"


def test_shutdown_text_travels():
    sent = Notification.of(notification.shutdown("maintenance until 22:00"))
    read = notification.parse(sent.pack()[HEADER_OCTETS:])
    assert read == sent
    assert str(read) == "6/2 cease, administrative shutdown: maintenance until 22:00"


def test_hostile_text_is_made_harmless():
    text = b"\x1b[2J\r\nok\xe2\x80\xae" + b"x" * 240
    shown = Notification(6, 2, bytes((len(text),)) + text).text
    assert shown.startswith("?[2J??ok???xxx")
    assert len(shown) == notification.TEXT_LIMIT
    assert shown.isascii()
    assert shown.isprintable()


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff", b"\x05ab"])
def test_odd_text_lengths_are_survived(data):
    assert Notification(6, 2, data).text == data[1:].decode()


def test_text_belongs_to_shutdown_and_reset_only():
    assert Notification(6, 4, b"\x02hi").text == "hi"
    assert Notification(6, 1, b"\x02hi").text == ""
    assert Notification(3, 2, b"\x02hi").text == ""


def test_too_short_is_refused():
    with pytest.raises(Truncated):
        notification.parse(b"\x06")
