"""`weft agent`: run an agent in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.files import read_config
from weft.cli.find import SOCKET, run_dir
from weft.cli.groups import examples
from weft.cli.options import settings, socket_option


@click.command(
    epilog=examples("weft agent -c host.weft.yaml", "weft agent -c host.weft.yaml --state-dir /run/weft/test")
)
@click.option("-c", "--config", "file", metavar="FILE", required=True, help="A file of kind: host.")
@click.option("--state-dir", metavar="DIR", help="Where the agent keeps its state; default /run/weft/NAME.")
@socket_option
def agent(file: str, state_dir: str | None) -> int:
    """Run an agent in the foreground until it is told to stop (SIGINT or SIGTERM)."""
    from weft.config import load_host

    loaded = load_host(read_config(file), file)
    for notice in loaded.notices:
        click.echo(notice, err=True)
    config = loaded.config
    state = Path(state_dir or config.agent.state_dir or run_dir() / config.name).absolute()
    socket = Path(settings().socket or config.agent.socket or state / SOCKET).absolute()
    from weft.api.server import serve
    from weft.node.daemon import run

    return run(config, socket=socket, state_dir=state, serve=serve)
