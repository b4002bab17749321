"""Reading the files that a user names."""

from __future__ import annotations

import sys
from pathlib import Path

from weft.cli.exit import NoInput
from weft.config.errors import ConfigError, ConfigIssue
from weft.values import PermissionMissing


def read_config(name: str) -> str:
    """The text of a configuration file, `-` for standard input. Raises NoInput, PermissionMissing, ConfigError."""
    try:
        octets = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except PermissionError:
        raise PermissionMissing(f"no permission to read {name}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NoInput(f"cannot read {name}: {reason}") from None
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        before = octets[: error.start].split(b"\n")
        raise ConfigError(
            [
                ConfigIssue(
                    file=name,
                    line=len(before),
                    column=len(before[-1].decode()) + 1,
                    path="",
                    message="not UTF-8 text",
                    hint="save the file as UTF-8",
                )
            ]
        ) from None
