"""What can be wrong with a BGP message, and what has to happen then.

The codes are the NOTIFICATION codes of RFC 4271 section 4.5; the treatments those of RFC 7606 section 2, ordered
by strength so that the treatment of several errors is their maximum (RFC 7606 section 3 (h)).
"""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct

from weft.values import WireError


class Treatment(IntEnum):
    """What an error in an UPDATE does to the routes it carries; the higher the stronger."""

    DISCARD = 1
    """The attribute is dropped, the routes stand."""
    WITHDRAW = 2
    """The routes are handled as if they had been withdrawn; the session stays."""
    RESET = 3
    """The session ends with a NOTIFICATION."""


class Code(IntEnum):
    """NOTIFICATION error codes (RFC 4271 section 4.5, RFC 7313 section 5, RFC 9687)."""

    HEADER = 1
    OPEN = 2
    UPDATE = 3
    HOLD_TIMER = 4
    FSM = 5
    CEASE = 6
    REFRESH = 7
    SEND_HOLD_TIMER = 8


class BgpError(WireError):
    """An error that ends the session: `code`, `subcode` and `data` are the NOTIFICATION to send."""

    def __init__(self, code: Code, subcode: int, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.data = data


class Fault(Struct, frozen=True):
    """An error in an UPDATE that the session survives."""

    attribute: int
    """Type code of the attribute; 0 if the error is not inside one."""
    treatment: Treatment
    reason: str
    """One short sentence in our own words, never the peer's octets as text."""
