"""Named deadlines of one session. Pure: whoever owns the clock asks for the next one and says what time it is."""

from __future__ import annotations

from enum import Enum


class Timer(Enum):
    CONNECT_RETRY = "connect retry"
    HOLD = "hold"
    KEEPALIVE = "keepalive"
    SEND_HOLD = "send hold"


class Timers:
    """At most one deadline per name, in seconds of the caller's monotonic clock."""

    def __init__(self) -> None:
        self._deadlines: dict[Timer, float] = {}

    def start(self, timer: Timer, deadline: float) -> None:
        """Start or restart."""
        self._deadlines[timer] = deadline

    def stop(self, timer: Timer) -> None:
        self._deadlines.pop(timer, None)

    def stop_all(self) -> None:
        self._deadlines.clear()

    def next(self) -> float | None:
        return min(self._deadlines.values(), default=None)

    def pop_expired(self, now: float) -> Timer | None:
        """The timer that expired first, stopped; None if none has."""
        due = [(deadline, timer) for timer, deadline in self._deadlines.items() if deadline <= now]
        if not due:
            return None
        _, timer = min(due, key=lambda pair: pair[0])
        self.stop(timer)
        return timer
