"""Extended communities, RFC 4360, 7432, 9012, 9135."""

import pytest

from weft.values import InvalidValue, Mac, RouteTarget
from weft.wire.bgp import communities
from weft.wire.bgp.communities import ExtendedCommunity, MacMobility, TunnelType

ROUTER_MAC = Mac.parse("02:00:00:00:00:0a")


@pytest.mark.parametrize(
    ("community", "octets"),
    [
        (ExtendedCommunity.of_route_target(RouteTarget.parse("65001:100")), "0002 fde9 00000064"),
        (ExtendedCommunity.of_encapsulation(TunnelType.VXLAN), "030c 00000000 0008"),
        (ExtendedCommunity.of_encapsulation(TunnelType.GENEVE), "030c 00000000 0013"),
        (ExtendedCommunity.of_default_gateway(), "030d 000000000000"),
        (ExtendedCommunity.of_mac_mobility(7), "0600 00 00 00000007"),
        (ExtendedCommunity.of_mac_mobility(1, sticky=True), "0600 01 00 00000001"),
        (ExtendedCommunity.of_router_mac(ROUTER_MAC), "0603 02000000000a"),
    ],
)
def test_octets_are_those_of_the_rfc(community, octets):
    assert community.octets == bytes.fromhex(octets)


def test_readers_find_their_own_among_others():
    mixed = [
        ExtendedCommunity.of_route_target(RouteTarget.parse("65001:100")),
        ExtendedCommunity.of_encapsulation(8),
        ExtendedCommunity.of_mac_mobility(7, sticky=True),
        ExtendedCommunity.of_route_target(RouteTarget.parse("192.0.2.1:5")),
        ExtendedCommunity.of_router_mac(ROUTER_MAC),
        ExtendedCommunity.of_encapsulation(777),
        ExtendedCommunity.of_default_gateway(),
    ]
    assert [str(target) for target in communities.route_targets(mixed)] == ["65001:100", "192.0.2.1:5"]
    assert communities.encapsulations(mixed) == (8, 777)
    assert communities.mac_mobility(mixed) == MacMobility(7, True)
    assert communities.router_mac(mixed) == ROUTER_MAC
    assert communities.is_default_gateway(mixed)


def test_readers_of_nothing_find_nothing():
    assert communities.route_targets([]) == ()
    assert communities.encapsulations([]) == ()
    assert communities.mac_mobility([]) is None
    assert communities.router_mac([]) is None
    assert not communities.is_default_gateway([])


def test_only_the_type_bit_keeps_a_community_inside_the_as():
    assert ExtendedCommunity(bytes.fromhex("0600000000000001")).transitive
    assert not ExtendedCommunity(bytes.fromhex("4006000000000001")).transitive


def test_a_wrong_length_is_no_community():
    with pytest.raises(InvalidValue):
        ExtendedCommunity(bytes(7))
