"""Route reflection, RFC 4456, and what is not believed on receipt."""

import pytest
from msgspec import structs

from weft.control.bgp import reflector
from weft.control.bgp.reasons import Reason
from weft.values import Ip
from weft.wire.bgp.as_path import Segment
from weft.wire.bgp.attributes import Attributes

OWN = frozenset({Ip.parse("10.0.0.1")})
PLAIN = Attributes(next_hop=Ip.parse("192.0.2.9"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"as_path": (Segment(2, (65001,)), Segment(1, (7, 65000)))}, Reason.AS_LOOP),
        ({"originator_id": Ip.parse("192.0.2.1")}, Reason.ORIGINATOR_LOOP),
        ({"cluster_list": (Ip.parse("9.9.9.9"), Ip.parse("192.0.2.1"))}, Reason.CLUSTER_LOOP),
        ({"next_hop": Ip(bytes(4))}, Reason.NEXT_HOP_UNUSABLE),
        ({"next_hop": Ip.parse("127.0.0.1")}, Reason.NEXT_HOP_UNUSABLE),
        ({"next_hop": Ip.parse("224.0.0.5")}, Reason.NEXT_HOP_UNUSABLE),
        ({"next_hop": Ip.parse("255.255.255.255")}, Reason.NEXT_HOP_UNUSABLE),
        ({"next_hop": Ip.parse("::")}, Reason.NEXT_HOP_UNUSABLE),
        ({"next_hop": Ip.parse("::1")}, Reason.NEXT_HOP_UNUSABLE),
        ({"next_hop": Ip.parse("ff02::1")}, Reason.NEXT_HOP_UNUSABLE),
        ({"next_hop": Ip.parse("2001:db8::1")}, None),
        ({"next_hop": Ip.parse("10.0.0.1")}, Reason.NEXT_HOP_OWN),
    ],
)
def test_what_must_not_be_used_has_a_named_reason(bgp, changes, reason):
    assert reflector.exclusion(structs.replace(PLAIN, **changes), bgp, OWN) is reason


@pytest.mark.parametrize(
    ("from_client", "to_client", "passes"),
    [(True, True, True), (True, False, True), (False, True, True), (False, False, False)],
)
def test_routes_pass_from_clients_to_all_and_from_others_to_clients(bgp, source, from_client, to_client, passes):
    assert (reflector.reflect(PLAIN, source(client=from_client), to_client, bgp) is not None) is passes


def test_reflection_marks_originator_and_cluster_and_leaves_the_rest(bgp, source):
    reflected = reflector.reflect(PLAIN, source("192.0.2.2"), True, bgp)
    assert reflected == structs.replace(
        PLAIN, originator_id=Ip.parse("192.0.2.2"), cluster_list=(Ip.parse("192.0.2.1"),)
    )


def test_a_second_reflector_keeps_the_originator_and_prepends_its_cluster(bgp, source):
    once = structs.replace(PLAIN, originator_id=Ip.parse("192.0.2.50"), cluster_list=(Ip.parse("7.7.7.7"),))
    twice = reflector.reflect(once, source(), True, bgp)
    assert twice is not None
    assert twice.originator_id == Ip.parse("192.0.2.50")
    assert twice.cluster_list == (Ip.parse("192.0.2.1"), Ip.parse("7.7.7.7"))
