"""The BGP speaker: sessions with all neighbours, the RIB, and what goes from one neighbour to the others.

Sans-IO. The node carries out the commands that every call returns, and calls back: `connected`, `dial_failed`,
`received`, `closed`, `blocked` and `writable` as they happen, `tick` when `next_timer` is due. `now` is monotonic
seconds. After any call `take_changes` gives the best routes that changed. Nothing a peer sends raises.

No call does unbounded work: sending a table and dropping a lost peer's routes go on in slices, during which
`next_timer` is due at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from weakref import WeakValueDictionary

from weft.config.tree import Bgp
from weft.control.bgp import reflector
from weft.control.bgp.commands import Asked, Close, Command, Dial, Down, Effect, Learned, Opened, Send, Up
from weft.control.bgp.fsm import State
from weft.control.bgp.outbound import Outbound
from weft.control.bgp.peer import Peer, PeerStatus
from weft.control.bgp.reasons import Reason
from weft.control.bgp.rib import Rib
from weft.control.bgp.route import BestChange, Route, Source
from weft.control.bgp.session import Session
from weft.values import Ip
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.capabilities import EVPN
from weft.wire.bgp.errors import Treatment
from weft.wire.bgp.evpn import EvpnRoute
from weft.wire.bgp.notification import printable
from weft.wire.bgp.update import Update

SEND_OCTETS = 64 * 1024
"""Most octets of one Send."""
_PURGE_ROUTES = 2000
"""Routes of lost sessions that one tick removes."""


def _batched(commands: list[Command]) -> list[Command]:
    """The commands with the octets of each connection joined into as few Sends as possible, order kept."""
    batched: list[Command] = []
    waiting: dict[int, list[bytes]] = {}

    def write(connection: int) -> None:
        data = b"".join(waiting.pop(connection, ()))
        for offset in range(0, len(data), SEND_OCTETS):
            batched.append(Send(connection, data[offset : offset + SEND_OCTETS]))

    for command in commands:
        match command:
            case Send(connection, data):
                waiting.setdefault(connection, []).append(data)
            case Close(connection):
                write(connection)
                batched.append(command)
            case Dial():
                batched.append(command)
    for connection in list(waiting):
        write(connection)
    return batched


class Speaker:
    """See the module's docstring. Commands returned by one call are to be carried out before the next call."""

    def __init__(self, config: Bgp, random: Callable[[], float]) -> None:
        """`random` gives floats within [0, 1), for jitter only."""
        self._bgp = config
        self._peers = {neighbor.peer: Peer(config, neighbor, random) for neighbor in config.neighbors}
        self._by_connection: dict[int, tuple[Peer, Session]] = {}
        self._rib = Rib()
        self._local = Source(peer=None, router_id=config.router_id, internal=True, client=True)
        self._own = frozenset(
            (config.router_id, *(n.local_address for n in config.neighbors if n.local_address is not None))
        )
        self._interned: WeakValueDictionary[Attributes, Attributes] = WeakValueDictionary()
        self._changes: dict[bytes, Route | None] = {}
        self._stale: dict[Ip, None] = {}
        self._commands: list[Command] = []
        self._counters: Counter[Reason] = Counter()
        self._now = 0.0
        self._stopped = False

    # What the node says.

    def start(self, now: float) -> list[Command]:
        for peer in self._peers.values():
            self._apply(peer, peer.primary, peer.primary.start(now), now)
        return self._finish(now)

    def connected(self, peer: Ip, connection: int, now: float, outgoing: bool, local: Ip) -> list[Command]:
        """A TCP connection with `peer` exists; `local` is our end's address. `connection` is the node's number."""
        known = self._peers.get(peer)
        if known is not None and outgoing:
            known.primary.dialing = False
        if known is None or self._stopped or known.primary.state is State.IDLE:
            self._counters[Reason.CONNECTION_REFUSED] += 1
            self._commands.append(Close(connection))
            return self._finish(now)
        self._own |= {local}
        session = self._session_for(known, now)
        self._by_connection[connection] = (known, session)
        self._apply(known, session, session.connected(connection, outgoing, now), now)
        return self._finish(now)

    def dial_failed(self, peer: Ip, reason: str, now: float) -> list[Command]:
        """The connection that a Dial asked for could not be made."""
        known = self._peers.get(peer)
        if known is not None:
            known.primary.dialing = False
            if known.primary.state is State.CONNECT:
                self._counters[Reason.DIAL_FAILED] += 1
                self._apply(known, known.primary, known.primary.failed(_harmless(reason), now), now)
        return self._finish(now)

    def received(self, connection: int, data: bytes, now: float) -> list[Command]:
        """Octets of a connection, at most some tens of kilobytes a call."""
        known = self._by_connection.get(connection)
        if known is not None:
            peer, session = known
            session.feed(data)
            while (effects := session.step(now)) is not None:
                self._apply(peer, session, effects, now)
        return self._finish(now)

    def closed(self, connection: int, reason: str, now: float) -> list[Command]:
        """The connection is gone without our asking."""
        known = self._by_connection.pop(connection, None)
        if known is not None:
            peer, session = known
            self._apply(peer, session, session.failed(_harmless(reason), now), now)
        return self._finish(now)

    def blocked(self, connection: int, now: float) -> list[Command]:
        """The connection's send buffer is full: no routes are sent to this peer until `writable`."""
        self._set_blocked(connection, True, now)
        return self._finish(now)

    def writable(self, connection: int, now: float) -> list[Command]:
        self._set_blocked(connection, False, now)
        return self._finish(now)

    def next_timer(self) -> float | None:
        """When `tick` is due; a time that has passed means at once."""
        if self._stale or any(p.outbound is not None and p.outbound.due for p in self._peers.values()):
            return self._now
        deadlines = [peer.next_timer() for peer in self._peers.values()]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def tick(self, now: float) -> list[Command]:
        for peer in self._peers.values():
            if peer.restart_at is not None and peer.restart_at <= now:
                peer.restart_at = None
                self._apply(peer, peer.primary, peer.primary.start(now), now)
            for session in list(peer.sessions()):
                self._apply(peer, session, session.tick(now), now)
        self._purge()
        return self._finish(now)

    def shutdown(self, now: float) -> list[Command]:
        """End every session with a cease (RFC 9003); nothing is started again."""
        self._stopped = True
        for peer in self._peers.values():
            peer.restart_at = None
            for session in list(peer.sessions()):
                self._apply(peer, session, session.stop(now), now)
        return self._finish(now)

    def originate(
        self, announce: Iterable[tuple[EvpnRoute, Attributes]], withdraw: Iterable[bytes], now: float
    ) -> list[Command]:
        """Announce routes of our own and withdraw others by key, withdrawals first."""
        for key in withdraw:
            if self._rib.remove(None, key):
                self._changed(key)
        for nlri, attributes in announce:
            self._put(nlri, nlri.pack(), self._intern(attributes), self._local, None)
        return self._finish(now)

    # What the node asks.

    def take_changes(self) -> list[BestChange]:
        """Best routes that changed since the last call, one entry a key."""
        changes = [BestChange(key, route) for key, route in self._changes.items()]
        self._changes.clear()
        return changes

    def peers(self, now: float) -> list[PeerStatus]:
        return [self._status(peer, now) for peer in self._peers.values()]

    def routes(self) -> Iterator[tuple[Route, bool]]:
        """Every route of every peer and our own, with whether it is best."""
        return self._rib.routes()

    def counters(self) -> dict[str, int]:
        """How often each of `reasons.MEANINGS` happened; those that never did are 0."""
        return {str(reason): self._counters[reason] for reason in Reason}

    # Sessions.

    def _session_for(self, peer: Peer, now: float) -> Session:
        """The session that takes a new connection: the one that waits for it, or a rival."""
        if peer.primary.state in (State.CONNECT, State.ACTIVE):
            return peer.primary
        if peer.rival is not None:
            # The newest of the peer's attempts is the likeliest to be alive.
            self._counters[Reason.CONNECTION_COLLISION] += 1
            self._apply(peer, peer.rival, peer.rival.dump(now), now)
        peer.rival = peer.new_session()
        peer.rival.listen(now)
        return peer.rival

    def _apply(self, peer: Peer, session: Session, effects: list[Effect], now: float) -> None:
        for effect in effects:
            match effect:
                case Dial() | Send():
                    self._commands.append(effect)
                case Close(connection):
                    self._by_connection.pop(connection, None)
                    self._commands.append(effect)
                case Opened():
                    self._resolve_collision(peer, session, now)
                case Up():
                    self._up(peer, now)
                case Down():
                    self._down(peer, session, effect, now)
                case Learned(update):
                    self._learn(peer, update)
                case Asked():
                    self._refresh(peer, effect)

    def _resolve_collision(self, peer: Peer, session: Session, now: float) -> None:
        """Keep the connection dialled by the higher BGP identifier (RFC 4271 section 6.8, RFC 6286 section 2.3)."""
        other = peer.primary if session is peer.rival else peer.rival
        settled = session.negotiated
        if other is None or settled is None or other.state not in (State.OPEN_CONFIRM, State.ESTABLISHED):
            return
        ours, theirs = (self._bgp.router_id, self._bgp.asn), (settled.router_id, settled.remote_asn)
        wins = session.outgoing != other.outgoing and session.outgoing is (ours > theirs)
        loser = other if wins and other.state is State.OPEN_CONFIRM else session
        self._counters[Reason.CONNECTION_COLLISION] += 1
        self._apply(peer, loser, loser.dump(now), now)

    def _up(self, peer: Peer, now: float) -> None:
        target = peer.established(now)
        if target is not None:
            peer.outbound = Outbound(target, self._bgp, self._rib.best_keys())

    def _down(self, peer: Peer, session: Session, down: Down, now: float) -> None:
        if session is peer.rival:
            peer.rival = None
            return
        promoted = peer.rival is not None
        peer.promote_rival()
        if not promoted:
            peer.last_error = down.reason
            if down.idle and not self._stopped:
                peer.schedule_restart(now)
        if peer.source is not None:
            self._counters[Reason.SESSION_LOST] += 1
            self._stale[peer.neighbor.peer] = None
            peer.source = peer.outbound = None
            peer.end_of_rib = False

    def _set_blocked(self, connection: int, blocked: bool, now: float) -> None:
        known = self._by_connection.get(connection)
        if known is None:
            return
        peer, session = known
        if blocked:
            session.blocked(now)
        else:
            session.writable()
        if session is peer.primary and peer.outbound is not None:
            peer.outbound.blocked = blocked

    # Routes.

    def _intern(self, attributes: Attributes) -> Attributes:
        return self._interned.setdefault(attributes, attributes)

    def _changed(self, key: bytes) -> None:
        self._changes[key] = self._rib.best(key)
        for peer in self._peers.values():
            if peer.outbound is not None:
                peer.outbound.mark(key)

    def _put(
        self,
        nlri: EvpnRoute,
        octets: bytes,
        attributes: Attributes,
        source: Source,
        excluded: Reason | None,
    ) -> None:
        route = Route(key=nlri.key, nlri=nlri, octets=octets, attributes=attributes, source=source, excluded=excluded)
        if self._rib.put(route):
            self._changed(route.key)

    def _learn(self, peer: Peer, update: Update) -> None:
        if peer.source is None:
            return
        for key in update.withdrawn:
            if self._rib.remove(peer.neighbor.peer, key):
                self._changed(key)
        if update.attributes is not None:
            excluded = reflector.exclusion(update.attributes, self._bgp, self._own)
            if excluded is not None:
                self._counters[excluded] += len(update.announced)
            attributes = self._intern(update.attributes)
            for octets, nlri in update.announced:
                self._put(nlri, octets, attributes, peer.source, excluded)
        if update.end_of_rib == EVPN:
            peer.end_of_rib = True
        self._count(peer, update)

    def _count(self, peer: Peer, update: Update) -> None:
        """Note what was wrong with an UPDATE that the session survived."""
        discarded = [fault for fault in update.faults if fault.treatment is Treatment.DISCARD]
        withdrawn = [fault for fault in update.faults if fault.treatment is Treatment.WITHDRAW]
        self._counters[Reason.ATTRIBUTE_DISCARDED] += len(discarded)
        self._counters[Reason.TREATED_AS_WITHDRAWN] += bool(withdrawn)
        self._counters[Reason.ROUTE_MALFORMED] += len(update.malformed_routes)
        self._counters[Reason.FAMILY_IGNORED] += update.ignored_routes
        if update.malformed_routes:
            peer.last_error = f"route left out: {update.malformed_routes[0]}"
        if withdrawn:
            peer.last_error = f"UPDATE treated as withdrawal: {withdrawn[0].reason}"

    def _refresh(self, peer: Peer, asked: Asked) -> None:
        if asked.refresh.family == EVPN and not asked.refresh.subtype and peer.outbound is not None:
            peer.outbound.refresh(self._rib.best_keys())
        else:
            self._counters[Reason.REFRESH_IGNORED] += 1

    def _purge(self) -> None:
        """Remove a slice of the routes that ended sessions left behind."""
        room = _PURGE_ROUTES
        for address in list(self._stale):
            keys = self._rib.stale_keys(address, self._peers[address].source, room)
            for key in keys:
                if self._rib.remove(address, key):
                    self._changed(key)
            room -= len(keys)
            if room <= 0:
                return
            del self._stale[address]

    def _status(self, peer: Peer, now: float) -> PeerStatus:
        routes = self._rib.of_source(peer.neighbor.peer)
        accepted = sum(route.excluded is None for route in routes.values())
        return peer.status(len(routes), accepted, now)

    def _finish(self, now: float) -> list[Command]:
        """Add what is due to be sent, and hand out the commands of this call."""
        self._now = now
        for peer in self._peers.values():
            outbound, connection = peer.outbound, peer.primary.connection
            if outbound is not None and connection is not None and outbound.due:
                self._commands.append(Send(connection, outbound.flush(self._rib.best)))
                self._counters[Reason.ATTRIBUTES_TOO_LARGE] += outbound.too_large
                outbound.too_large = 0
        commands, self._commands = self._commands, []
        return _batched(commands)


def _harmless(reason: str) -> str:
    return printable(reason.encode())
