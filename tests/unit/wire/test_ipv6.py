"""IPv6 headers as in RFC 8200."""

import pytest

from weft.values import Ip, Malformed, Truncated
from weft.wire.ipv6 import Ipv6

SRC, DST = Ip.parse("2001:db8::1"), Ip.parse("2001:db8::2")
OCTETS = bytes.fromhex("6b212345001011ff") + SRC.octets + DST.octets


def test_fields_stand_where_the_rfc_draws_them():
    header, end = Ipv6.parse(OCTETS)
    assert end == 40
    assert header == Ipv6(
        src=SRC, dst=DST, next_header=17, payload_length=16, hop_limit=255, traffic_class=0xB2, flow_label=0x12345
    )
    assert header.pack() == OCTETS


def test_another_version_is_refused():
    with pytest.raises(Malformed, match="version 4"):
        Ipv6.parse(b"\x45" + OCTETS[1:])
    with pytest.raises(Truncated):
        Ipv6.parse(OCTETS[:39])
