"""Values: what they accept, what they refuse, and that text and octets agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.values import Asn, Esi, InvalidValue, Ip, Mac, Prefix, Rd, RouteTarget, Vni, WeftError, asn, vni

MACS = st.binary(min_size=6, max_size=6).map(Mac)
IPS = (st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)).map(Ip)
PREFIXES = IPS.flatmap(lambda ip: st.integers(0, ip.bits).map(lambda length: Prefix(ip, length)))
RDS = st.builds(
    lambda kind, rest: Rd(kind.to_bytes(2, "big") + rest), st.integers(0, 2), st.binary(min_size=6, max_size=6)
)


@given(MACS)
def test_mac_text_round_trip(mac: Mac) -> None:
    assert Mac.parse(str(mac)) == mac
    assert Mac.parse(str(mac).replace(":", "-").upper()) == mac


@given(IPS)
def test_ip_text_round_trip(ip: Ip) -> None:
    assert Ip.parse(str(ip)) == ip


@given(PREFIXES)
def test_prefix_text_round_trip_and_membership(prefix: Prefix) -> None:
    assert Prefix.parse(str(prefix)) == prefix
    assert prefix.ip in prefix
    assert prefix.network.network == prefix.network


@given(RDS.filter(lambda rd: rd.octets[:2] != b"\0\2" or rd.octets[2:4] != b"\0\0"))
def test_rd_text_round_trip(rd: Rd) -> None:
    """A 4-octet AS number that fits two octets is written as type 0, so type 2 with such a number is left out."""
    assert Rd.parse(str(rd)) == rd


@pytest.mark.parametrize(
    "text", ["", "1:2:3:4:5", "1:2:3:4:5:6:7", "g:0:0:0:0:0", "02-00:00:00:00:0a", "0200.0000.000a"]
)
def test_what_is_not_a_mac_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="MAC"):
        Mac.parse(text)


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "10.0.0.01", "fe80::1%eth0", "::1::"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="IP address"):
        Ip.parse(text)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/٣", "::/129"])
def test_what_is_not_a_prefix_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        Prefix.parse(text)


@pytest.mark.parametrize(
    "text", ["65000", "65000:", ":1", "65000:4294967296", "65536:65536", "1.2.3.4:65536", "x:1", "4294967296:1"]
)
def test_what_is_not_a_route_target_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        RouteTarget.parse(text)


@given(st.text(max_size=20))
def test_any_text_raises_nothing_but_our_own_error(text: str) -> None:
    for parse in (Mac.parse, Ip.parse, Prefix.parse, Rd.parse, RouteTarget.parse):
        try:
            parse(text)
        except WeftError:
            continue


def test_numbers_keep_to_their_range() -> None:
    assert vni(1) == Vni(1)
    assert asn(4294967295) == Asn(4294967295)
    for bad in (0, 1 << 24):
        with pytest.raises(InvalidValue, match="VNI"):
            vni(bad)
    for bad in (0, 1 << 32):
        with pytest.raises(InvalidValue, match="AS number"):
            asn(bad)


def test_lengths_are_checked_when_values_are_made() -> None:
    for make, octets in ((Mac, 5), (Ip, 5), (Rd, 7), (Esi, 9), (RouteTarget, 8)):
        with pytest.raises(InvalidValue):
            make(bytes(octets))


def test_an_address_of_the_other_family_is_in_no_prefix() -> None:
    assert Ip.parse("::1") not in Prefix.parse("0.0.0.0/0")
    assert "10.0.0.1" not in Prefix.parse("10.0.0.0/8")


def test_group_bit_and_names() -> None:
    assert Mac.parse("01:00:5e:00:00:01").is_group
    assert not Mac.parse("02:00:00:00:00:01").is_group
    assert str(RouteTarget.parse("4200000000:7")) == "4200000000:7"
    assert str(Rd.of(Ip.parse("192.0.2.7"), 110)) == "192.0.2.7:110"
    assert str(Rd(b"\0\x09" + bytes(6))) == "0x0009000000000000"
    assert Esi().is_zero
    with pytest.raises(InvalidValue):
        Rd.of(Ip.parse("::1"), 1)
