"""Writing path attributes: what is written is read back as the same value."""

import pytest

from weft.values import Ip, RouteTarget
from weft.wire.bgp import attribute_parse, attributes
from weft.wire.bgp.as_path import Segment
from weft.wire.bgp.attribute_parse import Context
from weft.wire.bgp.attributes import Aggregator, Attributes, RawAttribute
from weft.wire.bgp.capabilities import EVPN
from weft.wire.bgp.communities import ExtendedCommunity
from weft.wire.bgp.evpn import Pmsi

NEXT_HOP = Ip.parse("192.0.2.1")
RICH = Attributes(
    next_hop=NEXT_HOP,
    origin=2,
    as_path=(Segment(2, (65001, 4200000001)),),
    med=5,
    local_pref=200,
    atomic_aggregate=True,
    aggregator=Aggregator(4200000001, NEXT_HOP),
    communities=(0xFDE90001, 0xFFFFFF01),
    originator_id=Ip.parse("192.0.2.9"),
    cluster_list=(Ip.parse("192.0.2.8"), Ip.parse("192.0.2.7")),
    ext_communities=tuple(ExtendedCommunity.of_route_target(RouteTarget.parse(f"65001:{n}")) for n in range(40)),
    large_communities=((1, 2, 3),),
    pmsi=Pmsi.ingress_replication(100, NEXT_HOP),
    others=(RawAttribute(0xC0, 23, bytes.fromhex("00080000")), RawAttribute(0xE0, 99, b"x" * 300)),
)


def read_back(packed: bytes, as4: bool) -> Attributes:
    context = Context(as4=as4, internal=True, families=frozenset({EVPN}))
    block = attribute_parse.parse(packed, context)
    assert block.faults == []
    return Attributes(next_hop=NEXT_HOP, others=tuple(block.others), **block.fields)


@pytest.mark.parametrize("as4", [True, False])
@pytest.mark.parametrize("value", [RICH, Attributes(next_hop=NEXT_HOP)])
def test_round_trip_with_both_widths_of_as_numbers(value, as4):
    assert read_back(attributes.pack(value, as4), as4) == value


def test_attributes_are_in_order_of_type():
    packed, types, offset = attributes.pack(RICH), [], 0
    while offset < len(packed):
        wide = packed[offset] & 0x10
        size = int.from_bytes(packed[offset + 2 : offset + (4 if wide else 3)], "big")
        types.append(packed[offset + 1])
        offset += (4 if wide else 3) + size
    assert types == sorted(types)


def test_a_small_path_needs_no_as4_path_for_an_old_neighbour():
    small = Attributes(next_hop=NEXT_HOP, as_path=(Segment(2, (65001,)),), aggregator=Aggregator(7, NEXT_HOP))
    packed = attributes.pack(small, as4=False)
    assert packed == bytes.fromhex("400101 00400204 0201fde9c00706 0007 c0000201")


def test_equal_attributes_hash_alike():
    assert hash(RICH) == hash(read_back(attributes.pack(RICH), True))
