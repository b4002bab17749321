"""`weft config`: is a file fine?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click
from msgspec import structs

from weft.cli import exit as codes
from weft.cli.files import read_config
from weft.cli.groups import Group, examples
from weft.cli.options import output_options, settings
from weft.cli.output import Column, render
from weft.config import ConfigError, load, printable
from weft.config.tree import FabricConfig, HostConfig

_NOUN = "config-check"
_COLUMNS: Sequence[Column] = ()


@click.group(cls=Group, epilog=examples("weft config check demo.weft.yaml", "weft config check -o json host.weft.yaml"))
def config() -> None:
    """Check configuration files."""


@config.command(epilog=examples("weft config check demo.weft.yaml", "weft config check - < host.weft.yaml"))
@click.argument("file")
@output_options
def check(file: str) -> int:
    """Check FILE, of kind host or fabric, and print every error with its place. `-` reads standard input.

    Machine output holds one item per error: file, line, column, path, message, hint.
    """
    form = settings().form
    try:
        loaded = load(read_config(file), "stdin" if file == "-" else file)
    except ConfigError as error:
        if form == "table":
            raise
        items = [{k: v for k, v in structs.asdict(issue).items() if k != "source"} for issue in error.issues]
        click.echo(render(_NOUN, items, _COLUMNS, form))
        return codes.BAD_CONFIG
    for notice in loaded.notices:
        click.echo(notice, err=True)
    if form != "table":
        click.echo(render(_NOUN, [], _COLUMNS, form), nl=form != "jsonl")
        return codes.FINE
    click.echo(f"{printable(file)}: fine")
    click.echo(f"  {_host(loaded.config) if isinstance(loaded.config, HostConfig) else _fabric(loaded.config)}")
    return codes.FINE


def _host(host: HostConfig) -> str:
    """What a host file defines, in a line."""
    ports = sum(len(network.ports) for network in host.networks)
    parts = [
        _count(len(host.tenants), "tenant"),
        _count(len(host.networks), "network"),
        _count(ports, "port"),
        _count(len(host.bgp.neighbors) if host.bgp else 0, "BGP neighbour"),
    ]
    what = "host" if host.vtep else "route reflector"
    return f"{what} {host.name}: {', '.join(parts)}"


def _fabric(fabric: FabricConfig) -> str:
    """What a fabric file defines, in a line."""
    groups = Counter(node.group.value for node in fabric.nodes)
    parts = [
        _count(groups["spine"], "spine"),
        _count(groups["leaf"], "leaf", "leaves"),
        _count(groups["host"], "host"),
        _count(len({network.tenant for network in fabric.networks}), "tenant"),
        _count(len(fabric.networks), "network"),
        _count(len(fabric.links), "link"),
    ]
    return f"fabric {fabric.name}: {', '.join(parts)}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
