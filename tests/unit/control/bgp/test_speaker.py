"""The speaker's calls, one at a time. Whole conversations are in tests/sim."""

import pytest

from weft.control.bgp import Close, Dial, Reason, Send, Speaker, State
from weft.control.bgp.speaker import SEND_OCTETS
from weft.values import Ip
from weft.wire.bgp import attributes, framing, mp, notification, update
from weft.wire.bgp.attributes import Attributes, RawAttribute
from weft.wire.bgp.capabilities import EVPN, IPV4_UNICAST
from weft.wire.bgp.framing import HEADER_OCTETS, KEEPALIVE, MessageType
from weft.wire.bgp.refresh import Refresh
from weft.wire.bgp.update import END_OF_RIB

OWN, PEER, CLIENT, STRANGER = (Ip.parse(f"192.0.2.{n}") for n in (1, 2, 3, 66))


@pytest.fixture
def speaker(bgp):
    return Speaker(bgp, lambda: 0.5)


@pytest.fixture
def up(speaker, peer_open):
    """A speaker with an established session over connection 1 with 192.0.2.2."""
    speaker.start(0.0)
    speaker.connected(PEER, 1, 0.0, True, OWN)
    speaker.received(1, peer_open().pack() + KEEPALIVE, 0.0)
    return speaker


def status(speaker, peer=PEER, now=1.0):
    return next(one for one in speaker.peers(now) if one.peer == peer)


def announcement(*routes, extra=b""):
    packed = attributes.pack(routes[0].attributes) + extra
    return update.pack_announcements([one.octets for one in routes], routes[0].attributes.next_hop, packed, 4096)[0]


def test_start_dials_every_neighbour(speaker):
    assert speaker.start(0.0) == [Dial(PEER, 179, None), Dial(CLIENT, 179, None)]
    assert speaker.next_timer() == 7.0


def test_strangers_are_refused(speaker):
    speaker.start(0.0)
    assert speaker.connected(STRANGER, 9, 0.0, False, OWN) == [Close(9)]
    assert speaker.received(9, KEEPALIVE, 0.0) == []
    assert speaker.counters()["connection-refused"] == 1


def test_neighbours_are_refused_before_the_start_and_after_the_end(speaker):
    assert speaker.connected(PEER, 9, 0.0, False, OWN) == [Close(9)]
    speaker.start(0.0)
    speaker.shutdown(1.0)
    assert speaker.connected(PEER, 10, 2.0, False, OWN) == [Close(10)]
    assert speaker.next_timer() is None


def test_what_one_call_sends_leaves_in_one_piece(speaker, peer_open):
    speaker.start(0.0)
    speaker.connected(PEER, 1, 0.0, True, OWN)
    [only] = speaker.received(1, peer_open().pack() + KEEPALIVE, 0.0)
    assert only == Send(1, KEEPALIVE + END_OF_RIB)


def test_long_output_is_cut_into_bounded_sends(up, route):
    routes = [route(number, med=number % 997, communities=tuple(range(40))) for number in range(1000)]
    commands = up.originate([(one.nlri, one.attributes) for one in routes], (), 1.0)
    assert len(commands) > 1
    assert all(isinstance(one, Send) and len(one.data) <= SEND_OCTETS for one in commands)


def test_a_learned_route_is_best_and_reported(up, route):
    one = route(local_pref=100)
    up.received(1, announcement(one), 1.0)
    [change] = up.take_changes()
    assert (change.key, change.route.nlri, change.route.peer) == (one.key, one.nlri, PEER)
    assert change.route.attributes == one.attributes
    [(kept, best)] = up.routes()
    assert (kept, best) == (change.route, True)


def test_equal_attributes_of_many_updates_are_one_object(up, route):
    up.received(1, announcement(route(1)) + announcement(route(2)), 1.0)
    first, second = (change.route.attributes for change in up.take_changes())
    assert first is second


def test_our_own_route_beats_a_learned_one_and_gives_way_when_withdrawn(up, route):
    one = route()
    up.received(1, announcement(one), 1.0)
    up.originate([(one.nlri, Attributes(next_hop=OWN))], (), 2.0)
    assert [change.route.peer for change in up.take_changes()] == [None]
    up.originate((), [one.key], 3.0)
    assert [change.route.peer for change in up.take_changes()] == [PEER]


def test_a_bad_attribute_withdraws_the_routes_and_keeps_the_session(up, route):
    one = route()
    up.received(1, announcement(one), 1.0)
    up.received(1, announcement(one, extra=bytes.fromhex("c00800")), 2.0)
    assert [(change.key, change.route) for change in up.take_changes()] == [(one.key, None)]
    assert status(up).state is State.ESTABLISHED
    assert status(up).last_error == "UPDATE treated as withdrawal: COMMUNITIES: 0 octets, not a multiple of 4 above 0"
    assert up.counters()[Reason.TREATED_AS_WITHDRAWN] == 1


def test_a_discarded_attribute_is_counted(up, route):
    up.received(1, announcement(route(), extra=bytes.fromhex("c00601 00")), 1.0)
    assert up.counters()[Reason.ATTRIBUTE_DISCARDED] == 1
    assert status(up).accepted == 1


def test_a_bad_route_and_a_foreign_family_are_counted(up, route):
    packed = attributes.pack(route().attributes)
    bad = mp.pack_reach(PEER, b"\x02\x01\x00")
    up.received(1, framing.pack(MessageType.UPDATE, b"\0\0" + len(bad + packed).to_bytes(2, "big") + bad + packed), 1.0)
    foreign = framing.pack(MessageType.UPDATE, bytes.fromhex("0000 0007 800f04 0001 01 00"))
    up.received(1, foreign, 1.0)
    assert up.counters()[Reason.ROUTE_MALFORMED] == 1
    assert up.counters()[Reason.FAMILY_IGNORED] == 1
    assert status(up).last_error == "route left out: type 2 of 1 octets is cut short"


def test_end_of_rib_is_remembered_until_the_session_ends(up):
    assert not status(up).end_of_rib
    up.received(1, END_OF_RIB, 1.0)
    assert status(up).end_of_rib
    up.closed(1, "reset by peer", 2.0)
    assert not status(up).end_of_rib


def test_a_refresh_brings_the_table_again(up, route):
    one = route()
    up.originate([(one.nlri, one.attributes)], (), 1.0)
    [again] = up.received(1, Refresh(EVPN).pack(), 2.0)
    assert again.data[18] == MessageType.UPDATE
    assert up.received(1, Refresh(IPV4_UNICAST).pack() + Refresh(EVPN, 1).pack(), 3.0) == []
    assert up.counters()[Reason.REFRESH_IGNORED] == 2


def test_a_lost_peer_loses_its_routes_in_slices(up, route):
    for number in range(0, 3000, 50):
        up.received(1, announcement(*(route(n) for n in range(number, number + 50))), 1.0)
    up.take_changes()
    up.closed(1, "reset by peer\x1b[2J", 2.0)
    assert up.next_timer() == 2.0
    up.tick(2.0)
    assert status(up).received == 1000
    up.tick(2.0)
    assert status(up).received == 0
    assert len(up.take_changes()) == 3000
    assert status(up).last_error == "reset by peer?[2J"


def test_routes_told_anew_by_the_next_session_survive_the_clearing(up, peer_open, route):
    up.received(1, announcement(route(1), route(2)), 1.0)
    up.closed(1, "reset by peer", 2.0)
    commands = up.tick(3.0)
    assert commands == [Dial(PEER, 179, None)]
    up.connected(PEER, 2, 3.0, True, OWN)
    up.received(2, peer_open().pack() + KEEPALIVE + announcement(route(1)), 3.0)
    up.tick(3.0)
    assert [found.key for found, _ in up.routes()] == [route(1).key]


def test_a_second_connection_to_an_established_session_is_turned_away(up, peer_open):
    up.connected(PEER, 5, 1.0, False, OWN)
    send, close = up.received(5, peer_open().pack(), 1.0)
    assert close == Close(5)
    said = notification.parse(send.data[send.data.index(b"\x03", 18) + 1 :])
    assert (said.code, said.subcode) == (6, 7)
    assert status(up).state is State.ESTABLISHED


def test_a_second_connection_takes_over_when_the_first_one_dies(up, peer_open):
    up.connected(PEER, 5, 1.0, False, OWN)
    up.closed(1, "reset by peer", 2.0)
    up.received(5, peer_open().pack() + KEEPALIVE, 2.0)
    assert status(up).state is State.ESTABLISHED


def test_shutdown_says_so_to_all_and_closes(up):
    send, close = up.shutdown(5.0)
    assert close == Close(1)
    said = notification.parse(send.data[HEADER_OCTETS:])
    assert (said.code, said.subcode) == (6, 2)
    assert status(up).state is State.IDLE


def test_unknown_connections_and_peers_are_ignored(up):
    assert up.received(99, b"x", 1.0) == []
    assert up.closed(99, "x", 1.0) == []
    assert up.blocked(99, 1.0) == []
    assert up.writable(99, 1.0) == []
    assert up.dial_failed(STRANGER, "x", 1.0) == []


def test_status_tells_what_was_settled(up):
    told = status(up, now=11.0)
    assert (told.remote_asn, told.uptime_s, told.sent, told.last_error) == (65000, 11.0, 0, "")


def test_the_newest_of_several_surplus_connections_is_the_one_kept(up):
    up.connected(PEER, 5, 1.0, False, OWN)
    commands = up.connected(PEER, 6, 2.0, False, OWN)
    assert Close(5) in commands
    assert [one.connection for one in commands if isinstance(one, Send)] == [5, 6]
    assert status(up).state is State.ESTABLISHED


def test_routes_too_large_for_a_peer_are_counted(up, route):
    huge = route(others=(RawAttribute(0xC0, 99, bytes(5000)),))
    assert up.originate([(huge.nlri, huge.attributes)], (), 1.0) == []
    assert up.counters()[Reason.ATTRIBUTES_TOO_LARGE] == 1


def test_a_peer_that_takes_nothing_is_owed_and_then_sent(up, route):
    up.blocked(1, 1.0)
    assert up.originate([(route().nlri, route().attributes)], (), 1.0) == []
    [sent] = up.writable(1, 2.0)
    assert sent.data[18] == MessageType.UPDATE
