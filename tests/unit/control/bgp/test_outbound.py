"""The sending side of a session: pending keys in, UPDATEs out."""

import pytest

from weft.control.bgp.export import Target
from weft.control.bgp.outbound import FLUSH_ROUTES, Outbound
from weft.values import Ip
from weft.wire.bgp import update
from weft.wire.bgp.attribute_parse import Context
from weft.wire.bgp.attributes import RawAttribute
from weft.wire.bgp.capabilities import EVPN
from weft.wire.bgp.framing import Framer

CONTEXT = Context(as4=True, internal=True, families=frozenset({EVPN}))


def updates(data):
    framer, found = Framer(), []
    framer.feed(data)
    while (message := framer.next(65535)) is not None:
        found.append(update.parse(message[1], CONTEXT))
    return found


@pytest.fixture
def outbound(bgp):
    target = Target(peer=Ip.parse("192.0.2.3"), internal=True, client=True, as4=True, message_octets=4096)
    return lambda keys=(): Outbound(target, bgp, keys)


def test_the_first_table_ends_with_end_of_rib(outbound, route):
    table = {one.key: one for one in (route(1), route(2))}
    sending = outbound(table)
    assert sending.due
    first, last = updates(sending.flush(table.get))
    assert len(first.announced) == 2
    assert last.end_of_rib == EVPN
    assert (sending.due, sending.sent) == (False, 2)


def test_an_empty_table_is_an_end_of_rib(outbound):
    assert outbound().flush(lambda key: None) == update.END_OF_RIB


def test_end_of_rib_waits_for_the_last_slice(outbound, route):
    table = {one.key: one for one in (route(number) for number in range(FLUSH_ROUTES + 1))}
    sending = outbound(table)
    assert all(one.end_of_rib is None for one in updates(sending.flush(table.get)))
    assert sending.due
    assert [one.end_of_rib for one in updates(sending.flush(table.get))] == [None, EVPN]
    assert not sending.due


def test_only_what_was_advertised_is_withdrawn(outbound, route):
    sending = outbound()
    sending.flush(lambda key: None)
    sending.mark(route(1).key)
    assert sending.flush(lambda key: None) == b""
    sending.mark(route(1).key)
    sending.flush(lambda key: route(1))
    sending.mark(route(1).key)
    [gone] = updates(sending.flush(lambda key: None))
    assert gone.withdrawn == (route(1).key,)
    assert sending.sent == 0


def test_a_key_that_changes_often_while_blocked_is_sent_once(outbound, route):
    sending = outbound()
    sending.flush(lambda key: None)
    sending.blocked = True
    for med in range(10):
        sending.mark(route(1, med=med).key)
    assert not sending.due
    sending.blocked = False
    [only] = updates(sending.flush(lambda key: route(1, med=9)))
    assert [only.attributes.med, len(only.announced)] == [9, 1]


def test_routes_with_different_attributes_travel_apart(outbound, route):
    table = {one.key: one for one in (route(number, med=number % 3) for number in range(30))}
    *parts, _ = updates(outbound(table).flush(table.get))
    assert sorted((part.attributes.med, len(part.announced)) for part in parts) == [(0, 10), (1, 10), (2, 10)]


def test_a_refresh_sends_everything_again(outbound, route):
    table = {route(1).key: route(1)}
    sending = outbound(table)
    sending.flush(table.get)
    sending.refresh(table)
    [again] = updates(sending.flush(table.get))
    assert len(again.announced) == 1


def test_attributes_too_large_for_the_peer_are_counted_and_an_old_route_withdrawn(outbound, route):
    table = {route(1).key: route(1)}
    sending = outbound(table)
    sending.flush(table.get)
    table[route(1).key] = route(1, others=(RawAttribute(0xC0, 99, bytes(5000)),))
    sending.mark(route(1).key)
    [gone] = updates(sending.flush(table.get))
    assert gone.withdrawn == (route(1).key,)
    assert (sending.too_large, sending.sent) == (1, 0)
