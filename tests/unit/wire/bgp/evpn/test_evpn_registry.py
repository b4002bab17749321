"""Walking an NLRI field and choosing the reader by route type."""

import pytest

from weft.values import Ip, Rd, Truncated
from weft.wire.bgp import evpn
from weft.wire.bgp.evpn import Imet, Opaque

IMET = Imet(rd=Rd.parse("192.0.2.1:1"), tag=0, originator=Ip.parse("192.0.2.1"))


def test_unknown_types_do_not_hide_the_routes_behind_them():
    field = b"\x99\x02ab" + IMET.pack() + b"\x63\x00"
    assert [evpn.parse(nlri) for nlri in evpn.split(field)] == [Opaque(b"\x99\x02ab"), IMET, Opaque(b"\x63\x00")]


@pytest.mark.parametrize("rest", [b"\x02", b"\x02\x21", IMET.pack()[:-1]])
def test_a_field_that_ends_inside_a_route_is_refused(rest):
    with pytest.raises(Truncated):
        list(evpn.split(IMET.pack() + rest))
