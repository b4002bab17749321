"""Options that every reading command knows, written before or after the verb."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from msgspec import Struct

from weft.cli.find import find_socket
from weft.cli.output import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])


class Settings(Struct):
    """What was chosen on the way down to the command."""

    socket: str | None = None
    node: str | None = None
    output: str | None = None

    @property
    def form(self) -> str:
        return self.output or "table"

    def agent(self) -> Path:
        return find_socket(self.socket, self.node)


def settings() -> Settings:
    """The settings of this call."""
    return click.get_current_context().find_root().ensure_object(Settings)


def _stores(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    """An option's callback that keeps its value; what is written later, nearer to the verb, wins."""

    def keep(context: click.Context, option: click.Parameter, value: object) -> None:
        chosen = context.find_root().ensure_object(Settings)
        source = context.get_parameter_source(option.name or "")
        if source is ParameterSource.ENVIRONMENT and getattr(chosen, name) is not None:
            return
        if value is not None:
            setattr(chosen, name, value)

    return keep


def socket_option(command: Command) -> Command:
    return click.option(
        "--socket",
        metavar="PATH",
        expose_value=False,
        callback=_stores("socket"),
        help="The agent's socket.",
    )(command)


def output_options(command: Command) -> Command:
    json = click.option(
        "-j",
        "json",
        flag_value="json",
        default=None,
        expose_value=False,
        callback=_stores("output"),
        help="Same as -o json.",
    )
    output = click.option(
        "-o",
        "output",
        type=click.Choice(FORMATS),
        expose_value=False,
        callback=_stores("output"),
        help="How to print.",
    )
    return output(json(command))


def reading_options(command: Command) -> Command:
    """`-n`, `--socket`, `-o` and `-j`."""
    node = click.option(
        "-n",
        "node",
        metavar="NODE",
        expose_value=False,
        callback=_stores("node"),
        help="The agent's name; LAB/NODE where several labs have it.",
    )
    return node(socket_option(output_options(command)))
