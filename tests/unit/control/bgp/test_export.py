"""What a route looks like on its way to each kind of neighbour."""

import pytest
from msgspec import structs

from weft.control.bgp.export import Target, exported
from weft.values import Ip
from weft.wire.bgp.as_path import Segment
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.communities import ExtendedCommunity

TARGET = Ip.parse("192.0.2.30")
TRANSITIVE = ExtendedCommunity(bytes.fromhex("0002fde900000064"))
INSIDE = ExtendedCommunity(bytes.fromhex("4006000000000064"))
LEARNED = Attributes(
    next_hop=Ip.parse("192.0.2.9"),
    as_path=(Segment(2, (65007,)),),
    med=5,
    local_pref=300,
    originator_id=Ip.parse("192.0.2.50"),
    cluster_list=(Ip.parse("7.7.7.7"),),
    ext_communities=(TRANSITIVE, INSIDE),
)
BARE = Attributes(next_hop=Ip.parse("192.0.2.9"), med=5, ext_communities=(TRANSITIVE,))


def target(**changes):
    fields = {"peer": TARGET, "internal": True, "client": False, "as4": True, "message_octets": 4096}
    return Target(**{**fields, **changes})


def test_nothing_goes_back_to_where_it_came_from(bgp, source):
    for internal in (True, False):
        origin = source(str(TARGET), internal=internal, client=True)
        assert exported(BARE, origin, target(internal=internal, client=True), bgp) is None


def test_internal_routes_stay_out_of_the_full_mesh(bgp, source):
    assert exported(BARE, source(), target(), bgp) is None


def test_own_and_external_routes_get_a_local_preference_inside(bgp, source):
    for origin in (source(None), source(internal=False)):
        assert exported(BARE, origin, target(), bgp) == structs.replace(BARE, local_pref=100)
    assert exported(LEARNED, source(None), target(), bgp).local_pref == 300


def test_towards_another_as_only_what_may_leave_leaves(bgp, source):
    sent = exported(LEARNED, source(), target(internal=False), bgp)
    assert sent == Attributes(
        next_hop=LEARNED.next_hop, as_path=(Segment(2, (65000, 65007)),), ext_communities=(TRANSITIVE,)
    )


def test_our_own_med_is_told_to_the_neighbouring_as(bgp, source):
    assert exported(BARE, source(None), target(internal=False), bgp).med == 5


@pytest.mark.parametrize(
    ("community", "inside", "outside"),
    [(0xFFFFFF01, True, False), (0xFFFFFF02, False, False), (0xFFFFFF03, True, False), (0xFDE90001, True, True)],
)
def test_well_known_communities_are_obeyed(bgp, source, community, inside, outside):
    marked = structs.replace(BARE, communities=(community,))
    assert (exported(marked, source(None), target(), bgp) is not None) is inside
    assert (exported(marked, source(None), target(internal=False), bgp) is not None) is outside
