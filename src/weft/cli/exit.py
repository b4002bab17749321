"""Exit codes, and the one place that maps errors to them (BSD sysexits where they fit)."""

from __future__ import annotations

from weft.config.errors import ConfigError
from weft.values import CapabilityMissing, InvalidValue, PermissionMissing, Unavailable, WeftError, WireError

FINE = 0
FAILED = 1
USAGE = 2
BAD_DATA = 65
NO_INPUT = 66
UNAVAILABLE = 69
INTERNAL = 70
NO_PERMISSION = 77
BAD_CONFIG = 78
INTERRUPTED = 130


class NoInput(WeftError):
    """A file that was named cannot be read."""


class BadData(WeftError):
    """What arrived is not in the form that was agreed on."""


_CODES: tuple[tuple[type[WeftError], int], ...] = (
    (ConfigError, BAD_CONFIG),
    (CapabilityMissing, BAD_CONFIG),
    (PermissionMissing, NO_PERMISSION),
    (Unavailable, UNAVAILABLE),
    (NoInput, NO_INPUT),
    (BadData, BAD_DATA),
    (WireError, BAD_DATA),
    (InvalidValue, BAD_DATA),
    (WeftError, FAILED),
)


def code_of(error: BaseException) -> int:
    """The exit code that an error ends the program with; INTERNAL for what nobody planned."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), INTERNAL)
