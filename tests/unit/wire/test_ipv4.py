"""IPv4 headers as in RFC 791, with options and fragments."""

import pytest

from weft.values import Ip, Malformed, Truncated
from weft.wire.ipv4 import Ipv4

# RFC 1071's usual worked example: 192.168.0.1 -> 192.168.0.199, UDP, checksum 0xb861.
WORKED = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")


def test_the_worked_example_is_read_and_written():
    header, end = Ipv4.parse(WORKED)
    assert (str(header.src), str(header.dst), header.protocol, end) == ("192.168.0.1", "192.168.0.199", 17, 20)
    assert header.df
    assert not header.is_fragment
    assert header.pack() == WORKED


def test_options_lengthen_the_header():
    octets = Ipv4(
        src=Ip(bytes(4)), dst=Ip(bytes(4)), protocol=1, total_length=28, options=b"\x07\x07\x04\0\0\0\0\0"
    ).pack()
    header, end = Ipv4.parse(octets)
    assert end == 28
    assert header.options == b"\x07\x07\x04\0\0\0\0\0"
    with pytest.raises(Truncated, match="28 octets, 27"):
        Ipv4.parse(octets[:27])


@pytest.mark.parametrize(("mf", "offset"), [(True, 0), (False, 1480), (True, 8)])
def test_a_part_of_a_packet_is_a_fragment(mf, offset):
    header = Ipv4(src=Ip(bytes(4)), dst=Ip(bytes(4)), protocol=1, total_length=28, mf=mf, fragment_offset=offset)
    assert Ipv4.parse(header.pack())[0] == header
    assert header.is_fragment


def test_a_wrong_checksum_is_refused_and_still_shown():
    wrong = WORKED[:10] + b"\0\0" + WORKED[12:]
    with pytest.raises(Malformed, match="checksum"):
        Ipv4.parse(wrong)
    header, end, fault = Ipv4.dissect(wrong)
    assert (header, end) == (Ipv4.parse(WORKED)[0], 20)
    assert fault is not None


@pytest.mark.parametrize("first", [0x65, 0x44, 0x40])
def test_another_version_or_a_header_too_short_is_refused(first):
    with pytest.raises(Malformed):
        Ipv4.parse(bytes((first,)) + WORKED[1:])
