"""The one error tree. Every error that weft raises on purpose is a `WeftError`.

Each carries what its handler needs: wire errors the offset and the octets that were missing, config errors
the path. What a stranger sends (a frame, a peer's message, a file) may raise nothing outside this tree.
"""

from __future__ import annotations


class WeftError(Exception):
    """Base of everything weft raises on purpose. `str(error)` is one plain sentence for a person."""


class InvalidValue(WeftError):
    """A text or number is not a value of its type, e.g. a MAC with five octets."""


class WireError(WeftError):
    """Octets do not form the header they were read as. `offset` counts from the start of that header."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class Truncated(WireError):
    """Fewer octets than the header needs."""

    def __init__(self, what: str, need: int, have: int, offset: int = 0) -> None:
        super().__init__(f"{what} needs {need} octets, {have} are there", offset)
        self.need = need
        self.have = have


class Malformed(WireError):
    """A field holds what the standard forbids there."""


class Unavailable(WeftError):
    """Something this machine does not offer: a kernel feature, a permission, a program, an agent."""


class PermissionMissing(Unavailable):
    """The caller lacks a privilege; the message says which and how to get it."""


class CapabilityMissing(WeftError):
    """A data plane was asked for what it does not declare."""
