"""VLAN tags, ARP, MPLS labels, TCP, ICMP: fields stand where the standards draw them."""

import pytest

from weft.values import Ip, Mac, Malformed, Truncated
from weft.wire.arp import REPLY, Arp
from weft.wire.checksum import WrongChecksum, is_valid_behind_ip, pseudo_header_sum
from weft.wire.icmp import ECHO_REQUEST, Icmp
from weft.wire.icmpv6 import Icmpv6
from weft.wire.mpls import Mpls, parse_stack
from weft.wire.tcp import ACK, SYN, Tcp
from weft.wire.udp import Udp
from weft.wire.vlan import Vlan

HEADERS = [
    (Vlan(vid=7, ethertype=0x0800, pcp=5, dei=True), "b0070800"),
    (
        Arp(REPLY, Mac.parse("02:00:00:00:00:0a"), Ip.parse("10.0.0.1"), Mac(b"\xff" * 6), Ip.parse("10.0.0.2")),
        "00010800060400020200000000" + "0a0a000001ffffffffffff0a000002",
    ),
    (Mpls(label=0xFFFFF, tc=3, bottom=False, ttl=255), "fffff6ff"),
    (Tcp(0x1234, 80, 1, 2, SYN | ACK, 3, 4, 5, b"\2\4\5\xb4"), "1234005000000001000000026012000300040005020405b4"),
    (Icmp(ECHO_REQUEST, 0, 0x00010002), "0800f7fc00010002"),
    (Udp(53, 4789, 8, 0xFFFF), "003512b50008ffff"),
    (Icmpv6(128, 0, 0xABCD), "8000abcd"),
]


@pytest.mark.parametrize(("header", "octets"), HEADERS, ids=lambda value: type(value).__name__)
def test_a_header_is_read_at_any_offset(header, octets):
    data = bytes.fromhex(octets)
    assert type(header).parse(data) == (header, len(data))
    if not isinstance(header, Icmpv6):
        assert header.pack() == data


@pytest.mark.parametrize(("header", "octets"), HEADERS, ids=lambda value: type(value).__name__)
def test_every_octet_less_is_told(header, octets):
    data = bytes.fromhex(octets)
    for length in range(len(data)):
        with pytest.raises(Truncated):
            type(header).parse(data[:length])
        assert isinstance(type(header).dissect(data[:length])[2], Truncated)


@pytest.mark.parametrize("at", [1, 3, 4, 5])
def test_arp_of_another_kind_is_refused(at):
    data = bytearray.fromhex(HEADERS[1][1])
    data[at] ^= 1
    with pytest.raises(Malformed):
        Arp.parse(bytes(data))


def test_a_tcp_header_shorter_than_itself_is_refused_and_still_shown():
    data = bytes.fromhex("12340050000000010000000240120003000400000000")
    with pytest.raises(Malformed, match="at least 20"):
        Tcp.parse(data)
    header, _, _ = Tcp.dissect(data)
    assert header is not None
    assert header.dport == 80


def test_an_icmp_message_with_a_wrong_sum_is_refused():
    message = Icmp(ECHO_REQUEST, 0).pack(b"payload") + b"payload"
    assert Icmp.parse(message)[0] == Icmp(ECHO_REQUEST, 0)
    with pytest.raises(WrongChecksum):
        Icmp.parse(message[:-1] + b"D")


def test_sums_behind_ip_cover_addresses_protocol_and_length():
    src, dst = Ip.parse("fd00::1"), Ip.parse("fd00::2")
    message = Icmpv6(128, 0).pack(src, dst, b"\0\1\0\1") + b"\0\1\0\1"
    assert is_valid_behind_ip(message, src.octets, dst.octets, 58)
    assert not is_valid_behind_ip(message, src.octets, dst.octets, 17)
    assert not is_valid_behind_ip(message + b"\1\0", src.octets, dst.octets, 58)
    assert not is_valid_behind_ip(message, src.octets, src.octets, 58)
    assert pseudo_header_sum(bytes(4), bytes(4), 17, 8) == 25


def test_a_label_stack_is_read_to_its_bottom():
    stack = (Mpls(16, bottom=False), Mpls(17, bottom=True))
    data = b"".join(entry.pack() for entry in stack)
    assert parse_stack(data + b"\x45") == (stack, 8)
    with pytest.raises(Truncated):
        parse_stack(data[:7])


def test_a_label_stack_without_bottom_is_refused():
    with pytest.raises(Malformed):
        parse_stack(Mpls(16, bottom=False).pack() * 100)
