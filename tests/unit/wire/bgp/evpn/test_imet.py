"""EVPN type 3, RFC 7432 section 7.3."""

import pytest

from weft.values import Ip, Rd
from weft.wire.bgp.evpn import Imet, MalformedRoute, imet

NLRI = bytes.fromhex("03 110001c000020100640000000720 c0000201")
ROUTE = Imet(rd=Rd.parse("192.0.2.1:100"), tag=7, originator=Ip.parse("192.0.2.1"))


def test_reads_and_writes():
    assert imet.parse(NLRI) == ROUTE
    assert ROUTE.pack() == NLRI


def test_ipv6_originators_fit():
    route = Imet(rd=ROUTE.rd, tag=0, originator=Ip.parse("2001:db8::1"))
    assert imet.parse(route.pack()) == route


def test_all_of_the_route_is_its_key():
    assert ROUTE.key == b"\x03" + NLRI[2:]


@pytest.mark.parametrize(
    "nlri", [NLRI[:14], NLRI[:-1], NLRI + b"\0", NLRI[:14] + b"\x00", NLRI[:14] + b"\x21" + NLRI[15:]]
)
def test_other_lengths_are_refused(nlri):
    with pytest.raises(MalformedRoute):
        imet.parse(nlri)
