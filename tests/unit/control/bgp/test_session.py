"""One session, as a play: events in, effects out."""

import pytest

from weft.control.bgp import negotiate
from weft.control.bgp.commands import Asked, Close, Dial, Down, Learned, Opened, Send, Up
from weft.control.bgp.fsm import State
from weft.values import Ip
from weft.wire.bgp import framing, mp, notification
from weft.wire.bgp.capabilities import EVPN, Capabilities
from weft.wire.bgp.framing import HEADER_OCTETS, KEEPALIVE, MessageType
from weft.wire.bgp.notification import Notification
from weft.wire.bgp.refresh import Refresh
from weft.wire.bgp.update import END_OF_RIB

PEER = Ip.parse("192.0.2.2")
CONNECTION = 7
KEEPALIVE_S = 30 / 3 * 0.875


def hear(session, data, now):
    """Feed octets and collect the effects of every message in them."""
    session.feed(data)
    effects = []
    while (step := session.step(now)) is not None:
        effects += step
    return effects


def connect(session, now=0.0):
    session.start(now)
    session.dialing = False
    return session.connected(CONNECTION, True, now)


def establish(session, peer_open, now=0.0):
    connect(session, now)
    hear(session, peer_open().pack() + KEEPALIVE, now)
    assert session.state is State.ESTABLISHED
    return session


def sent_notification(effects):
    data = next(effect.data for effect in effects if isinstance(effect, Send))
    assert data[18] == MessageType.NOTIFICATION
    return notification.parse(data[HEADER_OCTETS:])


def test_the_whole_way_up(session, bgp, neighbor, peer_open):
    talk = session()
    assert talk.start(0.0) == [Dial(PEER, 179, None)]
    assert talk.state is State.CONNECT
    assert talk.connected(CONNECTION, True, 1.0) == [Send(CONNECTION, negotiate.local_open(bgp, neighbor()).pack())]
    assert talk.state is State.OPEN_SENT
    assert hear(talk, peer_open().pack(), 2.0) == [Send(CONNECTION, KEEPALIVE), Opened()]
    assert talk.state is State.OPEN_CONFIRM
    assert hear(talk, KEEPALIVE, 3.0) == [Up()]
    assert talk.state is State.ESTABLISHED
    [learned] = hear(talk, END_OF_RIB, 4.0)
    assert isinstance(learned, Learned)
    assert learned.update.end_of_rib == EVPN
    assert hear(talk, Refresh(EVPN).pack(), 5.0) == [Asked(Refresh(EVPN))]


def test_a_passive_session_waits(session):
    talk = session(passive=True)
    assert talk.start(0.0) == []
    assert (talk.state, talk.next_timer()) == (State.ACTIVE, None)
    assert isinstance(talk.connected(CONNECTION, False, 0.0)[0], Send)


def test_failed_dials_are_repeated_with_jitter(session):
    talk = session(connect_retry_s=8.0)
    talk.start(0.0)
    assert talk.next_timer() == 7.0
    talk.dialing = False
    assert talk.failed("connection refused", 1.0) == [Down("connection refused", idle=False)]
    assert (talk.state, talk.next_timer()) == (State.ACTIVE, 8.0)
    assert talk.tick(8.0) == [Dial(PEER, 179, None)]
    assert talk.state is State.CONNECT


def test_a_dial_under_way_is_not_doubled(session):
    talk = session()
    talk.start(0.0)
    assert talk.tick(7.0) == []
    assert talk.next_timer() == 14.0


def test_keepalives_go_out_at_a_third_of_the_hold_time(session, peer_open):
    talk = establish(session(), peer_open)
    assert talk.next_timer() == KEEPALIVE_S
    assert talk.tick(KEEPALIVE_S) == [Send(CONNECTION, KEEPALIVE)]
    assert talk.next_timer() == KEEPALIVE_S * 2


def test_a_silent_peer_is_given_up_after_the_hold_time(session, peer_open):
    talk = establish(session(), peer_open)
    hear(talk, KEEPALIVE, 5.0)
    assert all(isinstance(effect, Send) and effect.data == KEEPALIVE for effect in talk.tick(34.9))
    effects = talk.tick(35.0)
    assert sent_notification(effects) == Notification(4, 0)
    assert effects[-2] == Close(CONNECTION)
    assert isinstance(effects[-1], Down)
    assert effects[-1].idle
    assert (talk.state, talk.connection, talk.next_timer()) == (State.IDLE, None, None)


def test_updates_keep_the_hold_timer_away(session, peer_open):
    talk = establish(session(), peer_open)
    hear(talk, END_OF_RIB, 20.0)
    talk.tick(49.0)
    assert talk.state is State.ESTABLISHED


def test_hold_time_zero_means_no_timers(session, peer_open):
    talk = session()
    connect(talk)
    hear(talk, peer_open(hold_time_s=0).pack() + KEEPALIVE, 0.0)
    assert (talk.state, talk.next_timer()) == (State.ESTABLISHED, None)


def test_an_open_that_never_comes_ends_the_wait(session):
    talk = session()
    connect(talk)
    assert sent_notification(talk.tick(240.0)) == Notification(4, 0)


def test_stop_says_goodbye_with_a_text(session, peer_open):
    talk = establish(session(), peer_open)
    said = sent_notification(talk.stop(1.0))
    assert (said.code, said.subcode, said.text) == (6, 2, "the agent is stopping")
    assert talk.state is State.IDLE


def test_the_peers_notification_ends_the_session_without_an_answer(session, peer_open):
    talk = establish(session(), peer_open)
    goodbye = Notification(6, 2, b"\x08upgrade\x1b").pack()
    assert hear(talk, goodbye, 1.0) == [
        Close(CONNECTION),
        Down("the peer sent NOTIFICATION 6/2 cease, administrative shutdown: upgrade?", idle=True),
    ]


def test_a_refused_open_names_the_reason(session, peer_open):
    talk = session()
    connect(talk)
    effects = hear(talk, peer_open(asn=65009).pack(), 0.0)
    assert sent_notification(effects) == Notification(2, 2)
    assert effects[-1].reason == "sent NOTIFICATION 2/2 open, bad peer AS: the peer is AS 65009, configured is AS 65000"


@pytest.mark.parametrize(
    ("message", "subcode"),
    [
        (KEEPALIVE, 1),
        (END_OF_RIB, 1),
        (Refresh(EVPN).pack(), 1),
    ],
)
def test_messages_before_the_open_are_fsm_errors(session, message, subcode):
    talk = session()
    connect(talk)
    assert sent_notification(hear(talk, message, 0.0)) == Notification(5, subcode)


def test_messages_out_of_place_later_are_fsm_errors_too(session, peer_open):
    talk = session()
    connect(talk)
    hear(talk, peer_open().pack(), 0.0)
    assert sent_notification(hear(talk, END_OF_RIB, 0.0)) == Notification(5, 2)
    talk = establish(session(), peer_open)
    assert sent_notification(hear(talk, peer_open().pack(), 0.0)) == Notification(5, 3)


def test_a_broken_stream_ends_the_session_and_the_rest_of_it_is_not_read(session, peer_open):
    talk = establish(session(), peer_open)
    effects = hear(talk, KEEPALIVE + bytes(19) + KEEPALIVE, 1.0)
    assert sent_notification(effects) == Notification(1, 1)
    assert isinstance(effects[-1], Down)


def test_an_update_beyond_repair_ends_the_session(session, peer_open):
    talk = establish(session(), peer_open)
    bad = framing.pack(MessageType.UPDATE, bytes.fromhex("0000 0007 800f04 0019 46 02"))
    assert sent_notification(hear(talk, bad, 1.0)).code == 3


def test_a_lost_connection_in_open_sent_waits_for_the_next_one(session):
    talk = session()
    connect(talk)
    assert talk.failed("reset by peer", 1.0) == [Down("reset by peer", idle=False)]
    assert (talk.state, talk.next_timer()) == (State.ACTIVE, 8.0)


def test_a_lost_established_connection_leads_to_idle(session, peer_open):
    talk = establish(session(), peer_open)
    assert talk.failed("reset by peer", 1.0) == [Down("reset by peer", idle=True)]
    assert talk.step(1.0) is None


def test_large_messages_are_read_once_the_opens_have_settled(session, peer_open):
    talk = establish(session(), peer_open)
    nlri = b"".join(bytes((0x63, 200)) + bytes((n,)) * 200 for n in range(50))
    attribute = mp.pack_reach(PEER, nlri) + bytes.fromhex("40010100 400200")
    body = b"\0\0" + len(attribute).to_bytes(2, "big") + attribute
    [learned] = hear(talk, framing.pack(MessageType.UPDATE, body), 1.0)
    assert len(learned.update.announced) == 50


def test_a_peer_that_takes_nothing_is_given_up(session, peer_open):
    """RFC 9687: eight minutes, or twice the hold time."""
    talk = establish(session(), peer_open)
    talk.blocked(0.0)
    for now in range(0, 480, 9):
        hear(talk, KEEPALIVE, float(now))
        talk.tick(float(now))
    assert talk.state is State.ESTABLISHED
    effects = talk.tick(480.0)
    assert [effect for effect in effects if not isinstance(effect, Send)] == [
        Close(CONNECTION),
        Down("send hold timer expires", idle=True),
    ]


def test_a_peer_that_takes_octets_again_is_kept(session, peer_open):
    talk = session()
    connect(talk)
    hear(talk, peer_open(hold_time_s=30, capabilities=Capabilities(families=(EVPN,), asn=65000)).pack(), 0.0)
    talk.blocked(0.0)
    talk.writable()
    assert talk.next_timer() < 480


def test_a_refresh_that_cannot_be_read_has_its_own_error(session, peer_open):
    talk = establish(session(), peer_open)
    said = sent_notification(hear(talk, framing.pack(MessageType.REFRESH, b"\x00"), 1.0))
    assert (said.code, said.subcode) == (7, 1)
