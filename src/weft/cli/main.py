"""`weft`: the root of all commands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from weft.cli import exit as codes
from weft.cli.groups import LazyGroup, examples
from weft.cli.options import reading_options
from weft.config.errors import ConfigError, printable

_COMMANDS = {
    "show": ("weft.cli.show:show", "What an agent knows: status, mac, vtep, evpn, bgp, port, drops, counters."),
    "lab": ("weft.cli.lab:lab", "Whole fabrics in network namespaces on this machine."),
    "config": ("weft.cli.config:config", "Check configuration files."),
    "decode": ("weft.cli.decode:decode", "Every layer of every packet of a capture; or a summary of its tunnels."),
    "decap": ("weft.cli.decap:decap", "Take the tunnels off the packets of a capture."),
    "encap": ("weft.cli.encap:encap", "Put the packets of a capture into a tunnel."),
    "hash": ("weft.cli.hash:hash_", "How flows spread over equal links, for every encapsulation and kind of switch."),
    "mtu": ("weft.cli.mtu:mtu", "What fits through a tunnel: the byte ledger of every encapsulation."),
    "agent": ("weft.cli.agent:agent", "Run an agent in the foreground."),
    "version": ("weft.cli.version:version", "Print the version."),
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "WEFT"},
    epilog=examples("weft lab up demo", "weft -n leaf1 show mac -o json"),
)
@reading_options
def weft() -> None:
    """Weave overlay networks over Linux hosts.

    Every option can also be given as a variable: WEFT_NODE, WEFT_SOCKET, WEFT_OUTPUT; of a command:
    WEFT_SHOW_STATUS_WAIT. WEFT_RUN moves /run/weft. WEFT_DEBUG=1 shows where an internal error happened.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code. Everything that goes wrong ends as one text on stderr."""
    try:
        code = weft.main(args=None if argv is None else list(argv), prog_name="weft", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return codes.INTERRUPTED
    except Exception as error:
        return report(error)
    return code if isinstance(code, int) else codes.FINE


def report(error: Exception) -> int:
    """Say on stderr what went wrong, with a traceback if a developer asked for it; returns the exit code."""
    if os.environ.get("WEFT_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    code = codes.code_of(error)
    if isinstance(error, ConfigError):
        click.echo(str(error), err=True)
    elif code == codes.INTERNAL:
        what = printable(f"{type(error).__name__}: {error}")
        click.echo(f"error: internal: {what} (WEFT_DEBUG=1 shows where; please report it)", err=True)
    else:
        click.echo(f"error: {printable(str(error))}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
