"""One BGP session with one neighbour: executes the table of fsm.py. Sans-IO: octets, events and the time come in,
effects come out.

Every method that takes `now` (monotonic seconds) returns the effects in the order in which they are to be done.
"""

from __future__ import annotations

from collections.abc import Callable

from weft.config.tree import Bgp, Neighbor
from weft.control.bgp import negotiate
from weft.control.bgp.commands import Asked, Close, Dial, Down, Effect, Learned, Opened, Send, Up
from weft.control.bgp.fsm import TABLE, Action, Event, State
from weft.control.bgp.negotiate import Negotiated
from weft.control.bgp.timers import Timer, Timers
from weft.wire.bgp import framing, notification, refresh, update
from weft.wire.bgp import open as opens
from weft.wire.bgp.attribute_parse import Context
from weft.wire.bgp.capabilities import EVPN
from weft.wire.bgp.errors import BgpError, Code
from weft.wire.bgp.framing import Framer, MessageType
from weft.wire.bgp.notification import Notification

OPEN_HOLD_S = 240.0
"""Hold time until the OPENs have settled one (RFC 4271 section 8.2.2 suggests 4 minutes)."""
_SEND_HOLD_LEAST_S = 480.0
_FSM_SUBCODES = {State.OPEN_SENT: 1, State.OPEN_CONFIRM: 2, State.ESTABLISHED: 3}
_TIMER_EVENTS = {
    Timer.CONNECT_RETRY: Event.RETRY_EXPIRES,
    Timer.HOLD: Event.HOLD_EXPIRES,
    Timer.KEEPALIVE: Event.KEEPALIVE_EXPIRES,
    Timer.SEND_HOLD: Event.SEND_HOLD_EXPIRES,
}
_HOLD_EXPIRED = BgpError(Code.HOLD_TIMER, 0, "nothing was heard from the peer for the hold time")
_COLLISION = BgpError(Code.CEASE, notification.CONNECTION_COLLISION, "another connection with this peer was kept")

Why = BgpError | str


class Session:
    """`connection` is the node's number of the TCP connection, None without one."""

    def __init__(self, bgp: Bgp, neighbor: Neighbor, random: Callable[[], float]) -> None:
        self._bgp = bgp
        self.neighbor = neighbor
        self._random = random
        self.state = State.IDLE
        self.connection: int | None = None
        self.outgoing = False
        self.dialing = False
        self.negotiated: Negotiated | None = None
        self._context: Context | None = None
        self._timers = Timers()
        self._framer = Framer()
        self._effects: list[Effect] = []
        self._actions: dict[Action, Callable[[float, Why], None]] = {
            Action.IGNORE: self._ignore,
            Action.DIAL: self._dial,
            Action.LISTEN: self._ignore,
            Action.AWAIT: self._await,
            Action.SEND_OPEN: self._send_open,
            Action.CONFIRM: self._confirm,
            Action.ESTABLISH: self._establish,
            Action.RESTART_HOLD: self._restart_hold,
            Action.SEND_KEEPALIVE: self._send_keepalive,
            Action.NOTIFY: self._notify,
            Action.FSM_ERROR: self._fsm_error,
            Action.RELEASE: self._release,
        }

    # What the world and the speaker say.

    def start(self, now: float) -> list[Effect]:
        return self._fire(Event.START_PASSIVE if self.neighbor.passive else Event.START, now)

    def listen(self, now: float) -> list[Effect]:
        """Start for an incoming connection only, whatever the neighbour's configuration."""
        return self._fire(Event.START_PASSIVE, now)

    def stop(self, now: float) -> list[Effect]:
        """Graceful end with an administrative shutdown (RFC 9003)."""
        return self._fire(Event.STOP, now, notification.shutdown("the agent is stopping"))

    def dump(self, now: float) -> list[Effect]:
        """This connection loses a collision (RFC 4271 section 6.8)."""
        return self._fire(Event.COLLISION_DUMP, now, _COLLISION)

    def connected(self, connection: int, outgoing: bool, now: float) -> list[Effect]:
        """A TCP connection for this session; the session must be in Connect or Active."""
        self.connection, self.outgoing = connection, outgoing
        return self._fire(Event.CONNECTED, now)

    def failed(self, reason: str, now: float) -> list[Effect]:
        """The connection is gone, or could not be made."""
        self.connection = None
        return self._fire(Event.CONNECTION_FAILED, now, reason)

    def feed(self, data: bytes) -> None:
        """Octets of the connection; `step` handles the messages in them."""
        self._framer.feed(data)

    def step(self, now: float) -> list[Effect] | None:
        """Handle one received message; None if no whole one is left. Nothing a peer sends raises."""
        if self.connection is None:
            return None
        settled = self.state in (State.OPEN_CONFIRM, State.ESTABLISHED)
        try:
            message = self._framer.next(framing.EXTENDED_OCTETS if settled else framing.MESSAGE_OCTETS)
        except BgpError as error:
            return self._fire(Event.HEADER_ERROR, now, error)
        return None if message is None else self._handle(*message, now)

    def blocked(self, now: float) -> None:
        """The connection takes no more octets for now: the send hold timer runs (RFC 9687 section 4)."""
        if self.negotiated is not None and self.negotiated.hold_time_s:
            self._timers.start(Timer.SEND_HOLD, now + max(_SEND_HOLD_LEAST_S, 2.0 * self.negotiated.hold_time_s))

    def writable(self) -> None:
        self._timers.stop(Timer.SEND_HOLD)

    def next_timer(self) -> float | None:
        return self._timers.next()

    def tick(self, now: float) -> list[Effect]:
        """Handle every timer that has expired."""
        effects: list[Effect] = []
        while timer := self._timers.pop_expired(now):
            effects += self._fire(_TIMER_EVENTS[timer], now, _HOLD_EXPIRED if timer is Timer.HOLD else "")
        return effects

    # Received messages.

    def _handle(self, kind: MessageType, body: bytes, now: float) -> list[Effect]:
        match kind:
            case MessageType.OPEN:
                return self._handle_open(body, now)
            case MessageType.UPDATE:
                return self._handle_update(body, now)
            case MessageType.KEEPALIVE:
                return self._fire(Event.KEEPALIVE, now)
            case MessageType.REFRESH:
                return self._handle_refresh(body, now)
            case MessageType.NOTIFICATION:
                return self._handle_notification(body, now)

    def _handle_open(self, body: bytes, now: float) -> list[Effect]:
        if self.state is not State.OPEN_SENT:
            return self._fire(Event.OPEN, now)
        try:
            self.negotiated = negotiate.negotiate(opens.parse(body), self._bgp, self.neighbor)
        except BgpError as error:
            return self._fire(Event.OPEN_ERROR, now, error)
        self._context = Context(as4=self.negotiated.as4, internal=self.negotiated.internal, families=frozenset((EVPN,)))
        return [*self._fire(Event.OPEN, now), Opened()]

    def _handle_update(self, body: bytes, now: float) -> list[Effect]:
        if self.state is not State.ESTABLISHED or self._context is None:
            return self._fire(Event.UPDATE, now)
        try:
            learned = update.parse(body, self._context)
        except BgpError as error:
            return self._fire(Event.UPDATE_ERROR, now, error)
        return [*self._fire(Event.UPDATE, now), Learned(learned)]

    def _handle_refresh(self, body: bytes, now: float) -> list[Effect]:
        try:
            asked = refresh.parse(body)
        except BgpError as error:
            return self._fire(Event.REFRESH_ERROR, now, error)
        effects = self._fire(Event.REFRESH, now)
        return [*effects, Asked(asked)] if self.state is State.ESTABLISHED else effects

    def _handle_notification(self, body: bytes, now: float) -> list[Effect]:
        reason = f"the peer sent NOTIFICATION {notification.parse(body)}"  # framing saw to its least length
        return self._fire(Event.NOTIFICATION, now, reason)

    # The table's actions.

    def _fire(self, event: Event, now: float, why: Why = "") -> list[Effect]:
        action, following = TABLE[self.state][event]
        why = why or event.value
        self._actions[action](now, why)
        self.state = following
        effects, self._effects = self._effects, []
        return effects

    def _send(self, data: bytes) -> None:
        if self.connection is not None:
            self._effects.append(Send(self.connection, data))

    def _ignore(self, now: float, why: Why) -> None:
        pass

    def _retry_later(self, now: float) -> None:
        if not self.neighbor.passive:
            # Jitter, so that two ends that lost each other do not dial in step (RFC 4271 section 10).
            delay = self.neighbor.connect_retry_s * (0.75 + 0.25 * self._random())
            self._timers.start(Timer.CONNECT_RETRY, now + delay)

    def _dial(self, now: float, why: Why) -> None:
        self._retry_later(now)
        if not self.dialing:
            self.dialing = True
            self._effects.append(Dial(self.neighbor.peer, self.neighbor.port, self.neighbor.local_address))

    def _await(self, now: float, why: Why) -> None:
        self._drop()
        self._retry_later(now)
        self._effects.append(Down(str(why), idle=False))

    def _send_open(self, now: float, why: Why) -> None:
        self._timers.stop(Timer.CONNECT_RETRY)
        self._timers.start(Timer.HOLD, now + OPEN_HOLD_S)
        self._send(negotiate.local_open(self._bgp, self.neighbor).pack())

    def _confirm(self, now: float, why: Why) -> None:
        self._restart_hold(now, why)
        self._send_keepalive(now, why)

    def _establish(self, now: float, why: Why) -> None:
        self._restart_hold(now, why)
        self._effects.append(Up())

    def _restart_hold(self, now: float, why: Why) -> None:
        hold_time_s = self.negotiated.hold_time_s if self.negotiated is not None else 0
        if hold_time_s:
            self._timers.start(Timer.HOLD, now + hold_time_s)
        else:
            self._timers.stop(Timer.HOLD)

    def _send_keepalive(self, now: float, why: Why) -> None:
        self._send(framing.KEEPALIVE)
        if self.negotiated is not None and self.negotiated.hold_time_s:
            interval = self.negotiated.hold_time_s / 3 * (0.75 + 0.25 * self._random())
            self._timers.start(Timer.KEEPALIVE, now + interval)

    def _notify(self, now: float, why: Why) -> None:
        if isinstance(why, BgpError):
            self._send(Notification.of(why).pack())
            why = f"sent NOTIFICATION {Notification(why.code, why.subcode)}: {why}"
        self._release(now, why)

    def _fsm_error(self, now: float, why: Why) -> None:
        self._notify(now, BgpError(Code.FSM, _FSM_SUBCODES[self.state], f"{why} in {self.state}"))

    def _release(self, now: float, why: Why) -> None:
        self._drop()
        self._effects.append(Down(str(why), idle=True))

    def _drop(self) -> None:
        if self.connection is not None:
            self._effects.append(Close(self.connection))
        self._timers.stop_all()
        self._framer = Framer()
        self.connection = self.negotiated = self._context = None
