"""Waiting for something to become true, with a deadline; nothing in the tests sleeps for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_POLL_S = 0.02


def wait_until(what: str, condition: Callable[[], T], deadline_s: float = 10.0) -> T:
    """The first true value of `condition`; fails with `what` when the deadline has passed."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(_POLL_S)
    return value


def wait_equal(what: str, read: Callable[[], T], expected: T, deadline_s: float = 10.0) -> None:
    """Until `read` gives `expected`; fails with `what` and the last value."""
    end = time.monotonic() + deadline_s
    while (value := read()) != expected:
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}: {value!r}, expected {expected!r}"
        time.sleep(_POLL_S)
