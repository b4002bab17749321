"""The BGP finite state machine (RFC 4271 section 8) as a table: (state, event) -> (action, next state).

`session.py` executes the actions; nothing else may change a state. Every pair is defined. Two departures, both
so that an absent neighbour costs nothing but retries: a connection that fails in Connect or Active leads to
Active with the ConnectRetryTimer running (the RFC does so only with a DelayOpenTimer). DelayOpen is left out.
"""

from __future__ import annotations

from enum import Enum, StrEnum


class State(StrEnum):
    IDLE = "Idle"
    CONNECT = "Connect"
    ACTIVE = "Active"
    OPEN_SENT = "OpenSent"
    OPEN_CONFIRM = "OpenConfirm"
    ESTABLISHED = "Established"


class Event(Enum):
    """Events; the numbers in comments are those of RFC 4271 section 8.1."""

    START = "start"  # 1, 3
    START_PASSIVE = "start passive"  # 4, 5
    STOP = "stop"  # 2
    RETRY_EXPIRES = "connect retry timer expires"  # 9
    HOLD_EXPIRES = "hold timer expires"  # 10
    KEEPALIVE_EXPIRES = "keepalive timer expires"  # 11
    SEND_HOLD_EXPIRES = "send hold timer expires"  # RFC 9687
    CONNECTED = "connection made"  # 16, 17
    CONNECTION_FAILED = "connection failed"  # 18
    OPEN = "OPEN received"  # 19
    HEADER_ERROR = "message header error"  # 21
    OPEN_ERROR = "OPEN error"  # 22
    COLLISION_DUMP = "collision: this one closes"  # 23
    NOTIFICATION = "NOTIFICATION received"  # 24, 25
    KEEPALIVE = "KEEPALIVE received"  # 26
    UPDATE = "UPDATE received"  # 27
    UPDATE_ERROR = "UPDATE error"  # 28
    REFRESH = "ROUTE-REFRESH received"  # RFC 2918
    REFRESH_ERROR = "ROUTE-REFRESH error"  # RFC 7313


class Action(Enum):
    IGNORE = "do nothing"
    DIAL = "open a connection, start the connect retry timer"
    LISTEN = "wait for the neighbour's connection"
    AWAIT = "give up the connection, start the connect retry timer"
    SEND_OPEN = "send OPEN, start a long hold timer"
    CONFIRM = "send KEEPALIVE, start hold and keepalive timers as negotiated"
    ESTABLISH = "the session is up, restart the hold timer"
    RESTART_HOLD = "restart the hold timer"
    SEND_KEEPALIVE = "send KEEPALIVE, restart the keepalive timer"
    NOTIFY = "send the NOTIFICATION of the error, release everything"
    FSM_ERROR = "send a NOTIFICATION of the FSM error, release everything"
    RELEASE = "release everything without a word"


Row = dict[Event, tuple[Action, State]]


def _all(action: Action, state: State) -> Row:
    return dict.fromkeys(Event, (action, state))


_IDLE: Row = {
    **_all(Action.IGNORE, State.IDLE),
    Event.START: (Action.DIAL, State.CONNECT),
    Event.START_PASSIVE: (Action.LISTEN, State.ACTIVE),
}

_CONNECT: Row = {
    **_all(Action.RELEASE, State.IDLE),
    Event.START: (Action.IGNORE, State.CONNECT),
    Event.START_PASSIVE: (Action.IGNORE, State.CONNECT),
    Event.RETRY_EXPIRES: (Action.DIAL, State.CONNECT),
    Event.CONNECTED: (Action.SEND_OPEN, State.OPEN_SENT),
    Event.CONNECTION_FAILED: (Action.AWAIT, State.ACTIVE),
}

_ACTIVE: Row = {
    **_CONNECT,
    Event.START: (Action.IGNORE, State.ACTIVE),
    Event.START_PASSIVE: (Action.IGNORE, State.ACTIVE),
}

# With a connection: whatever is not expected is an FSM error (RFC 4271 section 6.6, RFC 6608).
_CONNECTED: Row = {
    **_all(Action.FSM_ERROR, State.IDLE),
    Event.STOP: (Action.NOTIFY, State.IDLE),
    Event.HOLD_EXPIRES: (Action.NOTIFY, State.IDLE),
    # A NOTIFICATION would only wait behind what the peer does not take (RFC 9687 section 4).
    Event.SEND_HOLD_EXPIRES: (Action.RELEASE, State.IDLE),
    Event.CONNECTION_FAILED: (Action.RELEASE, State.IDLE),
    Event.HEADER_ERROR: (Action.NOTIFY, State.IDLE),
    Event.OPEN_ERROR: (Action.NOTIFY, State.IDLE),
    Event.COLLISION_DUMP: (Action.NOTIFY, State.IDLE),
    Event.NOTIFICATION: (Action.RELEASE, State.IDLE),
}


def _ignoring(state: State, *events: Event) -> Row:
    return dict.fromkeys(events, (Action.IGNORE, state))


_STARTS = (Event.START, Event.START_PASSIVE, Event.CONNECTED)

_OPEN_SENT: Row = {
    **_CONNECTED,
    **_ignoring(State.OPEN_SENT, *_STARTS),
    Event.CONNECTION_FAILED: (Action.AWAIT, State.ACTIVE),
    Event.OPEN: (Action.CONFIRM, State.OPEN_CONFIRM),
}

_OPEN_CONFIRM: Row = {
    **_CONNECTED,
    **_ignoring(State.OPEN_CONFIRM, *_STARTS),
    Event.KEEPALIVE_EXPIRES: (Action.SEND_KEEPALIVE, State.OPEN_CONFIRM),
    Event.KEEPALIVE: (Action.ESTABLISH, State.ESTABLISHED),
}

_ESTABLISHED: Row = {
    **_CONNECTED,
    **_ignoring(State.ESTABLISHED, *_STARTS),
    Event.KEEPALIVE_EXPIRES: (Action.SEND_KEEPALIVE, State.ESTABLISHED),
    Event.KEEPALIVE: (Action.RESTART_HOLD, State.ESTABLISHED),
    Event.UPDATE: (Action.RESTART_HOLD, State.ESTABLISHED),
    Event.UPDATE_ERROR: (Action.NOTIFY, State.IDLE),
    Event.REFRESH: (Action.RESTART_HOLD, State.ESTABLISHED),
    Event.REFRESH_ERROR: (Action.NOTIFY, State.IDLE),
}

TABLE: dict[State, Row] = {
    State.IDLE: _IDLE,
    State.CONNECT: _CONNECT,
    State.ACTIVE: _ACTIVE,
    State.OPEN_SENT: _OPEN_SENT,
    State.OPEN_CONFIRM: _OPEN_CONFIRM,
    State.ESTABLISHED: _ESTABLISHED,
}
