"""What happens to a frame: the executable specification of every data plane.

`step` takes the state (what was learned), the written rows and one frame as it arrived on one interface, and
returns the new state, the frames that leave and the facts to report. A frame that leaves nowhere has a named
reason. The order of checks is part of the contract: the eBPF program gives the same reason for the same frame.

    from a port     frame checks -> learn source -> destination -> port | encapsulate | flood
    from a tunnel   closed-tunnel checks -> decapsulate -> frame checks -> learn -> port | flood ports
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from weft.forwarding import flowhash, tunnels
from weft.forwarding.drops import Drop, Dropped
from weft.forwarding.facts import Fact, Learned, MacLearned, Place
from weft.forwarding.rows import (
    PORT_GROUP,
    Bridge,
    ClosedPort,
    FloodList,
    FloodMember,
    MacRow,
    NextHop,
    Target,
    UnderlayPort,
    Vap,
)
from weft.forwarding.snapshot import Snapshot
from weft.values import Mac
from weft.wire import ethernet

LAST_SEEN_GRAIN_S = 1.0
"""A known address is stamped at most this often: a busy flow does not write on every frame."""

MIN_DELIVERED_OCTETS = 34
"""Shorter frames out of a tunnel are padded with zeros to this: Ethernet and an IP header, the least to which
the kernel can shrink a packet. Real Ethernet never carries less than 60."""

_IP_HEADER_OCTETS = {ethernet.IPV4: 20, ethernet.IPV6: 40}


class Output(Struct, frozen=True, gc=False):
    """Octets that leave by interface `ifindex`."""

    ifindex: int
    octets: bytes


class Origin(Struct, frozen=True, gc=False):
    """Where a frame entered a bridge table: what split horizon and learning look at."""

    group: int
    place: Place


class State(Struct, frozen=True):
    """What a data plane learned, keyed by (bridge, MAC)."""

    learned: Mapping[tuple[int, Mac], Learned] = MappingProxyType({})


class Result(Struct, frozen=True):
    """The outcome for one frame. `passed`: not ours, the host's stack has it."""

    state: State
    outputs: tuple[Output, ...] = ()
    drop: Drop | None = None
    passed: bool = False
    facts: tuple[Fact, ...] = ()


def step(state: State, snapshot: Snapshot, ifindex: int, frame: bytes, now: float, strict: bool = False) -> Result:
    """Forward one frame that arrived on interface `ifindex`; `now` in seconds on a monotonic clock."""
    try:
        vap = snapshot.table(Vap).get(ifindex)
        if vap is not None:
            return _from_port(state, snapshot, vap, frame, now)
        underlay = snapshot.table(UnderlayPort).get(ifindex)
        if underlay is not None:
            return _from_underlay(state, snapshot, underlay, frame, now)
        if ifindex in snapshot.table(ClosedPort):
            raise Dropped(Drop.NOT_UNDERLAY)
    except Dropped as verdict:
        return Result(state, drop=verdict.reason)
    return Result(state, passed=True)


def _from_port(state: State, snapshot: Snapshot, vap: Vap, frame: bytes, now: float) -> Result:
    check_frame(frame)
    origin = Origin(PORT_GROUP, Place(ifindex=vap.ifindex))
    return _bridge(state, snapshot, vap.bridge, origin, frame, now, learn=True)


def _from_underlay(state: State, snapshot: Snapshot, port: UnderlayPort, packet: bytes, now: float) -> Result:
    opened = tunnels.open_packet(snapshot, port, packet)
    if opened is None:
        return Result(state, passed=True)
    check_frame(opened.frame)
    frame = tunnels.merge_ecn(opened.frame, opened.outer_ecn)
    frame = frame.ljust(MIN_DELIVERED_OCTETS, b"\0")
    origin = Origin(opened.group, Place(nexthop=opened.nexthop))
    return _bridge(state, snapshot, opened.bridge, origin, frame, now, learn=bool(opened.nexthop))


def check_frame(frame: bytes) -> None:
    """What every tenant frame must satisfy, from a port or out of a tunnel. Raises Dropped."""
    if len(frame) < ethernet.LENGTH:
        raise Dropped(Drop.RUNT_FRAME)
    ethertype = frame[12] << 8 | frame[13]
    if ethertype in (ethernet.VLAN, ethernet.QINQ):
        raise Dropped(Drop.TAGGED_FRAME)
    if frame[6] & 1 or not any(frame[6:12]):
        raise Dropped(Drop.BAD_SOURCE_MAC)
    if frame[:5] == b"\x01\x80\xc2\0\0" and frame[5] & 0xF0 == 0:
        raise Dropped(Drop.LINK_LOCAL_GROUP)
    if len(frame) - ethernet.LENGTH < _IP_HEADER_OCTETS.get(ethertype, 0):
        raise Dropped(Drop.INNER_TRUNCATED)


def _bridge(
    state: State, snapshot: Snapshot, bridge: int, origin: Origin, frame: bytes, now: float, learn: bool
) -> Result:
    facts: tuple[Fact, ...] = ()
    row = snapshot.table(Bridge).get(bridge)
    if learn and row is not None and row.learn:
        state, facts = _learn(state, snapshot, bridge, Mac(frame[6:12]), origin.place, now)
    try:
        outputs = _forward(state, snapshot, bridge, origin, frame)
    except Dropped as verdict:
        return Result(state, drop=verdict.reason, facts=facts)
    return Result(state, outputs, facts=facts)


def _learn(
    state: State, snapshot: Snapshot, bridge: int, mac: Mac, place: Place, now: float
) -> tuple[State, tuple[Fact, ...]]:
    key = (bridge, mac)
    known = state.learned.get(key)
    moved = known is None or known.place != place
    if known is not None and not moved and now - known.last_seen <= LAST_SEEN_GRAIN_S:
        return state, ()
    written = snapshot.table(MacRow).get(key)
    if moved and written is not None and written.pinned:
        return state, ()
    learned = {**state.learned, key: Learned(bridge, mac, place, now)}
    return State(learned), (MacLearned(bridge, mac, place),) if moved else ()


def _forward(state: State, snapshot: Snapshot, bridge: int, origin: Origin, frame: bytes) -> tuple[Output, ...]:
    """One destination, or flooding. Written rows come before learned ones."""
    key = (bridge, Mac(frame[:6]))
    if key[1].is_group:
        return _flood(snapshot, bridge, origin, frame)
    written = snapshot.table(MacRow).get(key)
    learned = state.learned.get(key)
    if written is not None:
        place = Place(nexthop=written.nexthop)
    elif learned is not None:
        place = learned.place
    else:
        return _flood(snapshot, bridge, origin, frame)
    if not place.nexthop:
        if place.ifindex == origin.place.ifindex:
            raise Dropped(Drop.SAME_PORT)
        return (_to_port(snapshot, bridge, place.ifindex, frame),)
    if origin.group != PORT_GROUP:
        raise Dropped(Drop.SPLIT_HORIZON)
    nexthop = snapshot.table(NextHop).get(place.nexthop)
    if nexthop is None or not nexthop.targets:
        raise Dropped(Drop.NO_UNDERLAY_PATH)
    flow = flowhash.flow_hash(frame, snapshot.settings.hash_seed)
    target = nexthop.targets[flowhash.target_index(flow, len(nexthop.targets))]
    return (_encapsulate(snapshot, target, frame, flow),)


def _to_port(snapshot: Snapshot, bridge: int, ifindex: int, frame: bytes) -> Output:
    """A stale address or member must not carry a frame into a port that has since left the network."""
    vap = snapshot.table(Vap).get(ifindex)
    if vap is None or vap.bridge != bridge:
        raise Dropped(Drop.NO_DESTINATION)
    return Output(ifindex, frame)


def _encapsulate(snapshot: Snapshot, target: Target, frame: bytes, flow: int) -> Output:
    return Output(*tunnels.build_packet(snapshot, target, frame, flow))


def _flood(snapshot: Snapshot, bridge: int, origin: Origin, frame: bytes) -> tuple[Output, ...]:
    """A copy to every member that split horizon allows. A copy that cannot be sent loses no other copy."""
    flood = snapshot.table(FloodList).get(bridge)
    members = [member for member in flood.members if _allowed(origin, member)] if flood else []
    if not members:
        raise Dropped(Drop.NO_DESTINATION)
    flow = flowhash.flow_hash(frame, snapshot.settings.hash_seed)
    outputs: list[Output] = []
    reason = Drop.NO_DESTINATION
    for member in members:
        try:
            if member.target is None:
                outputs.append(_to_port(snapshot, bridge, member.ifindex, frame))
            else:
                outputs.append(_encapsulate(snapshot, member.target, frame, flow))
        except Dropped as verdict:
            reason = verdict.reason
    if not outputs:
        raise Dropped(reason)
    return tuple(outputs)


def _allowed(origin: Origin, member: FloodMember) -> bool:
    """The one split-horizon rule: never back to where it came from, never from a group into the same group."""
    if member.target is None:
        return member.ifindex != origin.place.ifindex
    return member.group != origin.group
