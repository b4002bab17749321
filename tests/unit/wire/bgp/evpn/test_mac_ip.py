"""EVPN type 2, RFC 7432 section 7.2."""

import pytest
from msgspec import structs

from weft.values import Esi, Ip, Mac, Rd
from weft.wire.bgp.evpn import MacIp, MalformedRoute, mac_ip

MAC_ONLY = bytes.fromhex("02 210001c00002010064" + "00" * 10 + "0000000030 02000000000a00000064")
WITH_IP = bytes.fromhex("02 280001c00002010064" + "00" * 10 + "0000000030 02000000000a20 0a00010500006400c350")
ROUTE = MacIp(
    rd=Rd.parse("192.0.2.1:100"),
    esi=Esi(),
    tag=0,
    mac=Mac.parse("02:00:00:00:00:0a"),
    ip=Ip.parse("10.0.1.5"),
    label=100,
    label2=50000,
)


def test_reads_and_writes_both_labels_as_24_bits():
    assert mac_ip.parse(WITH_IP) == ROUTE
    assert ROUTE.pack() == WITH_IP


def test_reads_and_writes_a_mac_alone():
    route = structs.replace(ROUTE, ip=None, label2=None)
    assert mac_ip.parse(MAC_ONLY) == route
    assert route.pack() == MAC_ONLY


def test_an_ipv6_address_fits():
    route = structs.replace(ROUTE, ip=Ip.parse("2001:db8::5"), label2=None)
    assert mac_ip.parse(route.pack()) == route


def test_the_label_of_a_vni_with_low_bits_set_is_kept_whole():
    route = structs.replace(ROUTE, label=0xFFFFFF, label2=1)
    assert mac_ip.parse(route.pack()) == route


def test_key_is_rd_tag_mac_and_ip_and_nothing_else():
    moved = structs.replace(ROUTE, esi=Esi(b"\x01" * 10), label=7, label2=None)
    assert moved.key == ROUTE.key
    others = [
        structs.replace(ROUTE, rd=Rd.parse("192.0.2.2:100")),
        structs.replace(ROUTE, tag=1),
        structs.replace(ROUTE, mac=Mac.parse("02:00:00:00:00:0b")),
        structs.replace(ROUTE, ip=Ip.parse("10.0.1.6")),
        structs.replace(ROUTE, ip=None),
    ]
    assert len({route.key for route in [ROUTE, *others]}) == 6


@pytest.mark.parametrize(
    ("nlri", "words"),
    [
        (MAC_ONLY[:24] + b"\x2f" + MAC_ONLY[25:], "MAC address of 47 bits"),
        (MAC_ONLY[:31] + b"\x18" + MAC_ONLY[32:], "IP address of 24 bits"),
        (bytes((2, 29)) + MAC_ONLY[2:31], "cut short"),
        (bytes((2, 33)) + MAC_ONLY[2:31] + b"\x80" + bytes(3), "cut short"),
    ],
)
def test_a_route_whose_key_cannot_be_read_is_nameless(nlri, words):
    with pytest.raises(MalformedRoute, match=words) as caught:
        mac_ip.parse(nlri)
    assert caught.value.key is None


@pytest.mark.parametrize("labels", [0, 1, 2, 4, 5, 7])
def test_a_route_with_odd_labels_is_named_so_that_it_can_be_withdrawn(labels):
    with pytest.raises(MalformedRoute, match="octets of labels") as caught:
        mac_ip.parse(WITH_IP[:36] + bytes(labels))
    assert caught.value.key == ROUTE.key
