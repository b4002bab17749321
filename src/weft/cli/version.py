"""`weft version`."""

from __future__ import annotations

import platform

import click

import weft
from weft.cli.groups import examples
from weft.cli.options import output_options, settings
from weft.cli.output import Column, render

_COLUMNS = (Column("WEFT", "weft"), Column("PYTHON", "python"), Column("KERNEL", "kernel"))


@click.command(epilog=examples("weft version", "weft version -o json"))
@output_options
def version() -> None:
    """Print the versions of weft, Python and the kernel."""
    item: dict[str, object] = {
        "weft": weft.__version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
    }
    click.echo(render("version", [item], _COLUMNS, settings().form))
