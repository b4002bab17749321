"""What the commands for captures share: opening, progress, and an end in time when nobody reads the output."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import click

from weft.cli.exit import NoInput
from weft.values import Encap, InvalidValue, Ip, PermissionMissing, Prefix

if TYPE_CHECKING:
    from weft.capture import Block, Capture, EncapCode

ENCAPS = [encap.value for encap in Encap]
_PATIENCE_S = 1.0
_REDRAW_S = 0.2


@contextmanager
def opened(name: str) -> Iterator[Capture]:
    """A capture by the name that the user gave. Raises NoInput, PermissionMissing; reading raises BrokenCapture."""
    from weft.capture import open_capture

    if name == "-" and sys.stdin.isatty():
        raise click.UsageError("- reads a capture from standard input: pipe one into it.")
    try:
        with open_capture(name) as capture:
            yield capture
    except BrokenPipeError:
        raise
    except PermissionError:
        raise PermissionMissing(f"no permission to read {name}") from None
    except OSError as error:
        raise NoInput(f"cannot read {name}: {error.strerror or error}") from None


def blocks(capture: Capture, streams: bool = False) -> Iterator[Block]:
    """The blocks of a capture. What takes long is shown on stderr, if that is a terminal, unless the command
    `streams` its results to one."""
    drawn = sys.stderr.isatty() and not (streams and sys.stdout.isatty())
    begun = shown = time.monotonic()
    packets = 0
    try:
        for block in capture.blocks():
            yield block
            packets += len(block)
            now = time.monotonic()
            if drawn and now - begun > _PATIENCE_S and now - shown > _REDRAW_S:
                share = capture.progress
                done = "" if share is None else f"{share:4.0%}, "
                click.echo(f"\r{done}{packets} packets", err=True, nl=False)
                shown = now
    finally:
        if shown != begun:
            click.echo("\r\x1b[K", err=True, nl=False)


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """Whoever reads our output may stop early, as `head` does: that is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered must go nowhere, or the interpreter complains on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def written(name: str) -> Iterator[BinaryIO]:
    """A file to write a capture to; `-` is standard output. Raises NoInput, PermissionMissing."""
    if name == "-":
        if sys.stdout.isatty():
            raise click.UsageError("- writes a capture to standard output: send it to a file or a pipe.")
        with quiet_pipe():
            yield sys.stdout.buffer
        return
    try:
        file = open(name, "wb")  # noqa: SIM115 - closed below, where errors of writing are not errors of opening
    except PermissionError:
        raise PermissionMissing(f"no permission to write {name}") from None
    except OSError as error:
        raise NoInput(f"cannot write {name}: {error.strerror or error}") from None
    with file:
        yield file


def not_the_same(source: str, target: str) -> None:
    """Refuse to write over the file that is being read."""
    if source != "-" and target != "-" and os.path.exists(target) and os.path.samefile(source, target):  # noqa: PTH110, PTH121
        raise click.UsageError(f"{target} is the capture that is read: write to another file.")


def encap_code(name: str | None) -> EncapCode | None:
    from weft.capture import EncapCode

    return EncapCode[name.upper()] if name else None


def address(_context: click.Context, _option: click.Parameter, value: str | None) -> Ip | None:
    """An option's callback."""
    try:
        return Ip.parse(value) if value is not None else None
    except InvalidValue as error:
        raise click.BadParameter(str(error)) from None


def prefix(_context: click.Context, _option: click.Parameter, value: str | None) -> Prefix | None:
    """An option's callback."""
    try:
        return Prefix.parse(value) if value is not None else None
    except InvalidValue as error:
        raise click.BadParameter(str(error)) from None
