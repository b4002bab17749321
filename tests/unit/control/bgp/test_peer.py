"""What is kept of one neighbour."""

import pytest

from weft.control.bgp.peer import Peer


@pytest.fixture
def peer(bgp, neighbor):
    return Peer(bgp, neighbor(description="leaf1"), lambda: 0.0)


def test_waiting_in_idle_doubles_up_to_a_limit(peer):
    waits = []
    for _ in range(8):
        peer.schedule_restart(100.0)
        waits.append(peer.restart_at - 100.0)
    assert waits == [0.75, 1.5, 3.0, 6.0, 12.0, 24.0, 24.0, 24.0]


def test_a_session_that_lived_earns_a_quick_restart(peer, source):
    for _ in range(5):
        peer.schedule_restart(0.0)
    peer.source, peer.established_at = source(), 0.0
    peer.schedule_restart(59.0)
    assert peer.restart_at == 59.0 + 24.0
    peer.schedule_restart(60.0)
    assert peer.restart_at == 60.75


def test_a_rival_takes_over_and_remembers_a_dial_under_way(peer):
    peer.primary.dialing = True
    rival = peer.rival = peer.new_session()
    peer.promote_rival()
    assert (peer.primary, peer.rival) == (rival, None)
    assert rival.dialing


def test_status_of_a_neighbour_that_is_down(peer):
    status = peer.status(0, 0, 50.0)
    assert (str(status.peer), status.remote_asn, status.state) == ("192.0.2.2", 65000, "Idle")
    assert (status.uptime_s, status.sent, status.end_of_rib, status.description) == (0.0, 0, False, "leaf1")
