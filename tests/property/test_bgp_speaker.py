"""Laws of the BGP speaker: no octets of one peer raise anything or cost another peer its routes."""

from hypothesis import given
from hypothesis import strategies as st

from weft.config.tree import Bgp, Neighbor
from weft.control.bgp import Close, Route, Send, Source, Speaker, State, best_path
from weft.values import Asn, Esi, Ip, Mac, Rd
from weft.wire.bgp import attributes, framing, update
from weft.wire.bgp.as_path import Segment
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.capabilities import EVPN, Capabilities
from weft.wire.bgp.evpn import Imet, MacIp
from weft.wire.bgp.framing import KEEPALIVE, MessageType
from weft.wire.bgp.open import Open
from weft.wire.bgp.refresh import Refresh

OWN, BAD, GOOD = (Ip.parse(f"192.0.2.{n}") for n in (1, 2, 3))


def neighbor(peer: Ip, asn: int) -> Neighbor:
    return Neighbor(
        peer=peer,
        remote_asn=Asn(asn),
        local_address=None,
        passive=True,
        route_reflector_client=True,
        hold_time_s=90,
        connect_retry_s=4.0,
        port=179,
        description="",
    )


CONFIG = Bgp(
    asn=Asn(65000),
    router_id=OWN,
    cluster_id=OWN,
    port=179,
    listen=True,
    hold_time_s=90,
    neighbors=(neighbor(BAD, 65000), neighbor(GOOD, 65000)),
)


def hello(router_id: Ip) -> bytes:
    offered = Capabilities(families=(EVPN,), asn=65000)
    return Open(asn=65000, hold_time_s=90, router_id=router_id, capabilities=offered).pack() + KEEPALIVE


def table(peer: Ip) -> bytes:
    nlris = [
        MacIp(rd=Rd.of(peer, 1), esi=Esi(), tag=0, mac=Mac(n.to_bytes(6, "big")), ip=None, label=1).pack()
        for n in range(4)
    ]
    nlris.append(Imet(rd=Rd.of(peer, 1), tag=0, originator=peer).pack())
    packed = attributes.pack(Attributes(next_hop=peer, local_pref=100))
    return b"".join(update.pack_announcements(nlris, peer, packed, 4096)) + update.END_OF_RIB


TALK = hello(BAD) + table(BAD) + Refresh(EVPN).pack() + KEEPALIVE


@st.composite
def broken_talk(draw):
    """What a peer says from its OPEN on, with some octets changed, removed or added."""
    talk = bytearray(TALK)
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(talk) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                talk[at] = draw(st.integers(0, 255))
            case 1:
                talk[at] ^= 1 << draw(st.integers(0, 7))
            case 2:
                del talk[at]
            case _:
                talk[at:at] = draw(st.binary(min_size=1, max_size=6))
    return bytes(talk)


@st.composite
def honestly_framed_nonsense(draw):
    """A proper start, then messages with true headers around any body."""
    kinds = st.sampled_from(list(MessageType))
    bodies = draw(st.lists(st.tuples(kinds, st.binary(max_size=80)), min_size=1, max_size=4))
    return hello(BAD) + b"".join(framing.pack(kind, body) for kind, body in bodies)


@given(
    st.binary(max_size=200) | broken_talk() | honestly_framed_nonsense(),
    st.lists(st.integers(1, 120), max_size=6),
    st.booleans(),
)
def test_whatever_a_peer_sends_the_speaker_and_the_other_peer_live_on(talk, cuts, lost):
    speaker = Speaker(CONFIG, lambda: 0.5)
    speaker.start(0.0)
    speaker.connected(GOOD, 1, 0.0, False, OWN)
    speaker.received(1, hello(GOOD) + table(GOOD), 0.0)
    speaker.connected(BAD, 2, 0.0, False, OWN)
    offset = 0
    for size in [*cuts, len(talk)]:
        commands = speaker.received(2, talk[offset : offset + size], 1.0)
        assert all(isinstance(command, Send | Close) for command in commands)
        offset += size
    if lost:
        speaker.closed(2, "reset by peer", 1.0)
    speaker.tick(2.0)
    good = next(status for status in speaker.peers(2.0) if status.peer == GOOD)
    assert (good.state, good.received, good.end_of_rib) == (State.ESTABLISHED, 5, True)
    bad = next(status for status in speaker.peers(2.0) if status.peer == BAD)
    assert bad.last_error.isprintable()
    assert (bad.state is State.ESTABLISHED) or bad.received == 0


def as_path_of(neighbour: int, length: int) -> tuple[Segment, ...]:
    return (Segment(2, (neighbour,) * length),)


routes = st.builds(
    lambda n, internal, local_pref, neighbour, length, med, origin: Route(
        key=b"k",
        nlri=Imet(rd=Rd.of(OWN, 1), tag=0, originator=OWN),
        octets=b"",
        attributes=Attributes(
            next_hop=GOOD,
            local_pref=local_pref,
            as_path=as_path_of(neighbour, length),
            med=med,
            origin=origin,
        ),
        source=Source(
            peer=Ip(bytes((10, 0, 0, n))), router_id=Ip(bytes((10, 0, 0, n))), internal=internal, client=False
        ),
    ),
    st.integers(1, 250),
    st.booleans(),
    st.sampled_from([None, 100, 200]),
    st.sampled_from([1, 2]),
    st.integers(1, 2),
    st.sampled_from([None, 0, 5, 9]),
    st.integers(0, 1),
)


@given(
    st.lists(routes, min_size=1, max_size=7, unique_by=lambda route: route.peer).flatmap(
        lambda several: st.tuples(st.just(several), st.permutations(several))
    )
)
def test_the_best_route_does_not_depend_on_the_order_of_arrival(orders):
    first, second = orders
    assert best_path.best(first) is best_path.best(second)
