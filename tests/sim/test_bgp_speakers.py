"""Several speakers wired together in memory, on a clock moved by hand."""

from collections import deque

import pytest

from weft.config.tree import Bgp, Neighbor
from weft.control.bgp import Close, Dial, Reason, Send, Speaker, State
from weft.values import Asn, Esi, Ip, Mac, Rd
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.evpn import Imet, MacIp, Opaque

HOLD_S = 30


def ip(text):
    return Ip.parse(text)


def config(address, asn, neighbors, **changes):
    """`neighbors` is {address: {changes}}; remote-as is our own unless changed."""
    fields = {
        "remote_asn": Asn(asn),
        "local_address": None,
        "passive": False,
        "route_reflector_client": False,
        "hold_time_s": HOLD_S,
        "connect_retry_s": 4.0,
        "port": 179,
        "description": "",
    }
    made = tuple(Neighbor(**{**fields, "peer": ip(peer), **change}) for peer, change in neighbors.items())
    bgp = {
        "asn": Asn(asn),
        "router_id": ip(address),
        "cluster_id": ip(address),
        "port": 179,
        "listen": True,
        "hold_time_s": HOLD_S,
        "neighbors": made,
    }
    return Bgp(**{**bgp, **changes})


class Network:
    """Carries out commands between speakers. A cut pair loses octets and cannot connect."""

    def __init__(self, *configs):
        self.now = 0.0
        self.speakers = {c.router_id: Speaker(c, lambda: 0.5) for c in configs}
        self.ends = {}
        self.cut = []
        self.queue = deque()
        self.counter = 0

    def __getitem__(self, address):
        return self.speakers[ip(address)]

    def do(self, address, commands):
        self.queue.extend((address, command) for command in commands)

    def start(self, *addresses):
        for address in [ip(a) for a in addresses] or list(self.speakers):
            self.do(address, self.speakers[address].start(self.now))
        self.settle()

    def originate(self, address, announce=(), withdraw=()):
        self.do(ip(address), self[address].originate(announce, withdraw, self.now))
        self.settle()

    def settle(self):
        """Deliver everything that is under way or due at this moment."""
        while True:
            while self.queue:
                self._carry_out(*self.queue.popleft())
            due = [a for a, s in self.speakers.items() if (at := s.next_timer()) is not None and at <= self.now]
            if not due:
                return
            for address in due:
                self.do(address, self.speakers[address].tick(self.now))

    def advance(self, seconds):
        """Move the clock to each timer in turn."""
        end = self.now + seconds
        while True:
            timers = [at for s in self.speakers.values() if (at := s.next_timer()) is not None and at <= end]
            if not timers:
                break
            self.now = max(self.now, min(timers))
            self.settle()
        self.now = end

    def _carry_out(self, address, command):
        if isinstance(command, Dial):
            self._dial(address, command.peer)
        elif isinstance(command, Send):
            self._send(address, command)
        elif isinstance(command, Close):
            other = self.ends.pop((address, command.connection), None)
            if other is not None and self.ends.pop(other, None) is not None:
                self.do(other[0], self.speakers[other[0]].closed(other[1], "closed by the peer", self.now))

    def _dial(self, address, peer):
        caller = self.speakers[address]
        if peer not in self.speakers or {address, peer} in self.cut:
            self.do(address, caller.dial_failed(peer, "connection refused", self.now))
            return
        self.counter += 2
        near, far = (address, self.counter), (peer, self.counter + 1)
        self.ends[near], self.ends[far] = far, near
        self.do(address, caller.connected(peer, near[1], self.now, True, address))
        self.do(peer, self.speakers[peer].connected(address, far[1], self.now, False, peer))

    def _send(self, address, command):
        other = self.ends.get((address, command.connection))
        if other is not None and {address, other[0]} not in self.cut:
            self.do(other[0], self.speakers[other[0]].received(other[1], command.data, self.now))

    def status(self, address, peer):
        return next(one for one in self[address].peers(self.now) if one.peer == ip(peer))

    def best(self, address):
        return {route.key: route for route, best in self[address].routes() if best}

    def connection(self, address, peer):
        return next(near[1] for near, far in self.ends.items() if near[0] == ip(address) and far[0] == ip(peer))


A, B, C, D = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"


def imet(address, tag=0):
    return Imet(rd=Rd.of(ip(address), 1), tag=tag, originator=ip(address))


def mac_ip(address, number):
    mac = Mac(number.to_bytes(6, "big"))
    return MacIp(rd=Rd.of(ip(address), 1), esi=Esi(), tag=0, mac=mac, ip=None, label=100)


def attributes(next_hop, **changes):
    return Attributes(next_hop=ip(next_hop), **changes)


def pair(**changes):
    network = Network(config(A, 65000, {B: changes}), config(B, 65000, {A: {"passive": True}}))
    network.start(B, A)
    return network


@pytest.fixture
def reflected():
    """A and C are clients of the reflector B; D is its internal neighbour and no client."""
    clients = {A: {"route_reflector_client": True}, C: {"route_reflector_client": True}, D: {}}
    network = Network(
        config(B, 65000, {peer: {"passive": True, **change} for peer, change in clients.items()}),
        *(config(leaf, 65000, {B: {}}) for leaf in (A, C, D)),
    )
    network.start()
    return network


def test_two_speakers_meet_and_tell_each_other_everything():
    network = pair()
    network.originate(A, [(imet(A), attributes(A)), (mac_ip(A, 1), attributes(A))])
    assert network.status(A, B).state is State.ESTABLISHED
    learned = network.best(B)
    assert set(learned) == {imet(A).key, mac_ip(A, 1).key}
    assert learned[imet(A).key].attributes == attributes(A, local_pref=100)
    status = network.status(B, A)
    assert (status.received, status.accepted, status.end_of_rib) == (2, 2, True)
    assert network.status(A, B).sent == 2


def test_routes_originated_before_the_session_are_told_and_end_of_rib_follows():
    network = Network(config(A, 65000, {B: {}}), config(B, 65000, {A: {"passive": True}}))
    network.originate(A, [(imet(A), attributes(A))])
    network.start(B, A)
    assert set(network.best(B)) == {imet(A).key}
    assert network.status(B, A).end_of_rib
    assert network.status(A, B).end_of_rib


def test_withdrawals_arrive_and_are_reported_once():
    network = pair()
    network.originate(A, [(imet(A), attributes(A))])
    assert [change.route.key for change in network[B].take_changes()] == [imet(A).key]
    network.originate(A, withdraw=[imet(A).key])
    assert [(change.key, change.route) for change in network[B].take_changes()] == [(imet(A).key, None)]
    assert network[B].take_changes() == []
    assert network.status(A, B).sent == 0


def test_changes_between_two_looks_are_one_change():
    network = pair()
    for med in range(5):
        network.originate(A, [(imet(A), attributes(A, med=med))])
    [change] = network[B].take_changes()
    assert change.route.attributes.med == 4


def test_both_ends_dial_at_once_and_one_connection_stays():
    network = Network(config(A, 65000, {B: {}}), config(B, 65000, {A: {}}))
    network.start()
    assert network.status(A, B).state is State.ESTABLISHED
    assert network.status(B, A).state is State.ESTABLISHED
    assert len(network.ends) == 2
    assert network[A].counters()[Reason.CONNECTION_COLLISION] + network[B].counters()[Reason.CONNECTION_COLLISION]
    # The connection that the higher identifier dialled stays (RFC 4271 section 6.8); diallers' ends are even.
    assert [connection % 2 for address, connection in network.ends if address == ip(B)] == [0]
    network.originate(A, [(imet(A), attributes(A))])
    assert set(network.best(B)) == {imet(A).key}
    network.advance(100.0)
    assert network[A].counters()[Reason.SESSION_LOST] == 0


def test_a_silent_peer_is_dropped_after_the_hold_time_and_its_routes_with_it():
    network = pair()
    network.originate(A, [(imet(A), attributes(A))])
    network.advance(10.0)
    network.cut = [{ip(A), ip(B)}]
    network.advance(HOLD_S - 10.0)
    assert network.best(B)
    network.advance(11.0)
    assert network.best(B) == {}
    assert "hold timer" in network.status(B, A).last_error
    network.cut = []
    network.advance(60.0)
    assert set(network.best(B)) == {imet(A).key}


def test_an_idle_session_stays_up_for_a_day():
    network = pair()
    network.advance(86400.0)
    assert network.status(A, B).uptime_s == 86400.0


def test_an_absent_neighbour_is_dialled_again_and_again():
    network = Network(config(A, 65000, {B: {}}), config(B, 65000, {A: {"passive": True}}))
    network.cut = [{ip(A), ip(B)}]
    network.start()
    network.advance(40.0)
    assert network[A].counters()[Reason.DIAL_FAILED] >= 10
    assert network.status(A, B).last_error == "connection refused"
    network.cut = []
    network.advance(4.0)
    assert network.status(A, B).state is State.ESTABLISHED


def test_shutdown_is_announced_and_final():
    network = pair()
    network.originate(A, [(imet(A), attributes(A))])
    network.do(ip(A), network[A].shutdown(network.now))
    network.settle()
    assert network.best(B) == {}
    assert "administrative shutdown: the agent is stopping" in network.status(B, A).last_error
    network.advance(100.0)
    assert network.status(A, B).state is State.IDLE
    assert network.ends == {}


def test_a_client_hears_of_another_client_through_the_reflector(reflected):
    reflected.originate(A, [(imet(A), attributes(A))])
    [route] = reflected.best(C).values()
    assert route.attributes == attributes(A, local_pref=100, originator_id=ip(A), cluster_list=(ip(B),))
    assert route.octets == imet(A).pack()
    assert set(reflected.best(D)) == {imet(A).key}


def test_the_reflector_sends_nothing_back_and_nothing_between_non_clients(reflected):
    reflected.originate(D, [(imet(D), attributes(D))])
    assert set(reflected.best(A)) == set(reflected.best(C)) == {imet(D).key}
    assert reflected.status(B, D).sent == 0
    reflected.originate(A, [(imet(A), attributes(A))])
    assert reflected.status(B, A).sent == 1


def test_unknown_route_types_pass_the_reflector_untouched(reflected):
    odd = Opaque(bytes.fromhex("63 05 0102030405"))
    reflected.originate(A, [(odd, attributes(A))])
    [route] = reflected.best(C).values()
    assert (route.nlri, route.octets) == (odd, odd.octets)
    reflected.originate(A, withdraw=[odd.key])
    assert reflected.best(C) == {}


def test_a_lost_client_is_withdrawn_from_the_others(reflected):
    routes = [(mac_ip(A, number), attributes(A)) for number in range(5000)]
    reflected.originate(A, routes)
    assert len(reflected.best(C)) == 5000
    connection = reflected.connection(B, A)
    reflected.cut = [{ip(A), ip(B)}]
    reflected.do(ip(B), reflected[B].closed(connection, "reset by peer", reflected.now))
    reflected.settle()
    assert reflected.best(B) == reflected.best(C) == {}


def test_two_reflectors_in_a_ring_do_not_let_routes_circle():
    reflectors = {"route_reflector_client": True}
    network = Network(
        config(A, 65000, {B: {}, C: {}}),
        config(B, 65000, {A: {"passive": True, **reflectors}, C: {**reflectors}}),
        config(C, 65000, {A: {"passive": True, **reflectors}, B: {"passive": True, **reflectors}}),
    )
    network.start()
    network.originate(A, [(imet(A), attributes(A))])
    network.advance(20.0)
    assert network[A].counters()[Reason.ORIGINATOR_LOOP] == 0  # split horizon: it never came back
    assert all(len(network.best(x)) == 1 for x in (A, B, C))
    network.originate(A, withdraw=[imet(A).key])
    network.advance(20.0)
    assert all(network.best(x) == {} for x in (A, B, C))


def test_loops_are_refused_with_named_reasons():
    network = pair()
    network.originate(
        A,
        [
            (imet(A, 1), attributes(A, originator_id=ip(B))),
            (imet(A, 2), attributes(A, cluster_list=(ip(B),))),
            (imet(A, 3), attributes(B)),
            (imet(A, 4), attributes("127.0.0.1")),
            (imet(A, 5), attributes(A)),
        ],
    )
    assert set(network.best(B)) == {imet(A, 5).key}
    excluded = {route.nlri.tag: route.excluded for route, _ in network[B].routes()}
    assert excluded == {
        1: Reason.ORIGINATOR_LOOP,
        2: Reason.CLUSTER_LOOP,
        3: Reason.NEXT_HOP_OWN,
        4: Reason.NEXT_HOP_UNUSABLE,
        5: None,
    }
    counters = network[B].counters()
    assert [counters[reason] for reason in set(excluded.values()) - {None}] == [1, 1, 1, 1]
    assert (network.status(B, A).received, network.status(B, A).accepted) == (5, 1)


@pytest.fixture
def external():
    """Leaf A (AS 65001), spine B (AS 65100), leaf C (AS 65003), all external to each other."""
    network = Network(
        config(B, 65100, {A: {"remote_asn": Asn(65001)}, C: {"remote_asn": None}}),
        config(A, 65001, {B: {"remote_asn": Asn(65100), "passive": True}}),
        config(C, 65003, {B: {"remote_asn": Asn(65100), "passive": True}}),
    )
    network.start()
    return network


def test_external_routes_keep_their_next_hop_and_gather_the_path(external):
    external.originate(A, [(imet(A), attributes(A, med=7))])
    [route] = external.best(C).values()
    assert route.attributes.next_hop == ip(A)
    assert [segment.asns for segment in route.attributes.as_path] == [(65100, 65001)]
    assert (route.attributes.med, route.attributes.local_pref) == (None, None)
    assert not route.source.internal


def test_a_path_with_our_own_as_is_a_loop():
    network = Network(
        config(A, 65001, {B: {"remote_asn": Asn(65100)}}),
        config(
            B, 65100, {A: {"remote_asn": Asn(65001), "passive": True}, C: {"remote_asn": Asn(65001), "passive": True}}
        ),
        config(C, 65001, {B: {"remote_asn": Asn(65100)}}),
    )
    network.start()
    network.originate(A, [(imet(A), attributes(A))])
    assert network.best(C) == {}
    assert network[C].counters()[Reason.AS_LOOP] == 1


def test_the_better_of_two_reflectors_routes_is_used_and_the_other_takes_over():
    network = Network(
        config(A, 65000, {B: {"passive": True}, C: {"passive": True}}),
        config(B, 65000, {A: {"route_reflector_client": True}, D: {"route_reflector_client": True}}),
        config(C, 65000, {A: {"route_reflector_client": True}, D: {"route_reflector_client": True}}),
        config(D, 65000, {B: {"passive": True}, C: {"passive": True}}),
    )
    network.start()
    network.originate(D, [(imet(D), attributes(D))])
    assert [str(route.peer) for route in network.best(A).values()] == [B]
    network[A].take_changes()
    network.do(ip(B), network[B].shutdown(network.now))
    network.settle()
    assert [str(route.peer) for route in network.best(A).values()] == [C]
    assert [str(change.route.peer) for change in network[A].take_changes()] == [C]


def test_a_blocked_peer_costs_one_key_a_route_and_gets_the_last_state():
    network = pair()
    connection = network.connection(A, B)
    assert network[A].blocked(connection, network.now) == []
    for med in range(50):
        assert network[A].originate([(imet(A), attributes(A, med=med))], (), network.now) == []
    network[A].originate([(imet(A, 1), attributes(A))], (), network.now)
    network[A].originate((), [imet(A, 1).key], network.now)
    commands = network[A].writable(connection, network.now)
    assert len(commands) == 1
    network.do(ip(A), commands)
    network.settle()
    assert [route.attributes.med for route in network.best(B).values()] == [49]


def test_ten_thousand_routes_arrive_complete():
    network = pair()
    network.originate(A, [(mac_ip(A, number), attributes(A)) for number in range(10000)])
    assert len(network.best(B)) == network.status(B, A).received == 10000


def test_a_peer_that_restarts_is_heard_again():
    network = pair()
    network.originate(A, [(imet(A), attributes(A))])
    network.speakers[ip(A)] = Speaker(config(A, 65000, {B: {}}), lambda: 0.5)
    old = {near: far for near, far in network.ends.items() if near[0] == ip(A)}
    network.ends.clear()
    network.originate(A, [(imet(A, 9), attributes(A))])
    for far in old.values():
        network.do(far[0], network.speakers[far[0]].closed(far[1], "reset by peer", network.now))
    network.settle()
    network.start(A)
    network.advance(30.0)
    assert set(network.best(B)) == {imet(A, 9).key}
