"""`weft lab`: whole fabrics in network namespaces on this machine."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from weft.cli import exit as codes
from weft.cli.files import read_config
from weft.cli.groups import Group, examples
from weft.cli.options import output_options, settings
from weft.cli.output import Column, Item, cell, render
from weft.values import Unavailable

if TYPE_CHECKING:
    from weft.lab.plan import LabPlan, NodePlan
    from weft.lab.prove import Verdict

_DEMO = "demo"
_COLUMNS = {
    "lab": (
        Column("LAB", "lab"),
        Column("NODE", "node"),
        Column("GROUP", "group"),
        Column("KIND", "kind"),
        Column("NAMESPACE", "namespace"),
        Column("PID", "pid", right=True),
        Column("STATE", "state"),
    ),
    "lab-test": (
        Column("SOURCE", "source"),
        Column("DESTINATION", "destination"),
        Column("FAMILY", "family"),
        Column("EXPECTED", "expected"),
        Column("GOT", "got"),
        Column("OK", "ok"),
        Column("REACHED", "reached"),
        Column("RTT-MS", "rtt_ms", right=True),
    ),
    "lab-ping": (
        Column("SOURCE", "source"),
        Column("DESTINATION", "destination"),
        Column("FAMILY", "family"),
        Column("ADDRESS", "address"),
        Column("SEQ", "sequence", right=True),
        Column("OK", "ok"),
        Column("RTT-MS", "rtt_ms", right=True),
        Column("ERROR", "error"),
    ),
}


@click.group(cls=Group, epilog=examples("weft lab up demo", "weft lab exec red-a -- python3"))
def lab() -> None:
    """Whole fabrics in network namespaces on this machine."""


@lab.command(epilog=examples("weft lab up demo", "weft lab up my.weft.yaml"))
@click.argument("file")
def up(file: str) -> int:
    """Build the fabric of FILE, or the packaged demo, and wait until it has converged.

    What is up already stays; what a killed run left is repaired; what changed in FILE is rebuilt.
    """
    from weft.config import load_fabric
    from weft.lab import weave

    loaded = load_fabric(*_read(file))
    for notice in loaded.notices:
        click.echo(notice, err=True)
    try:
        woven = weave.up(loaded.config, _report)
    except weave.NotConverged as error:
        for line in error.details:
            click.echo(cell(line), err=True)
        raise
    click.echo(f"next: {' · '.join(_next(woven))}")
    return codes.FINE


@lab.command(epilog=examples("weft lab down demo", "weft lab down --all"))
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="All labs.")
def down(name: str | None, everything: bool) -> int:
    """Remove the lab NAME: its agents, namespaces, links, pins and files. Nothing else."""
    from weft.lab import state, weave

    if (name is None) == (not everything):
        raise click.UsageError("Name a lab, or use --all.")
    for wanted in state.labs() if everything else [str(name)]:
        if weave.down(wanted):
            click.echo(f"lab {wanted} is gone")
        else:
            click.echo(f"there is no lab {wanted}; {_listed(state.labs())}", err=True)
    return codes.FINE


@lab.command(epilog=examples("weft lab ls", "weft lab ls demo -o json"))
@click.argument("name", required=False)
@output_options
def ls(name: str | None) -> int:
    """The nodes of the lab NAME, or of all labs, and how they are."""
    from weft.lab import state, weave

    names = state.labs() if name is None else [_lab(name).name]
    _print("lab", [node for each in names for node in weave.node_states(each)])
    return codes.FINE


@lab.command(
    name="exec",
    context_settings={"allow_interspersed_args": False},
    epilog=examples("weft lab exec leaf1 -- ip route", "weft lab exec demo/red-a -- bash"),
)
@click.argument("node")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def execute(node: str, command: tuple[str, ...]) -> None:
    """Run COMMAND in the namespace of NODE (or LAB/NODE); its exit code is the command's.

    Only the network is the node's: files, processes and users are those of this machine.
    """
    from weft.host import netns
    from weft.lab.checks import require_capabilities

    words = command[1:] if command[0] == "--" else command
    if not words:
        raise click.UsageError("Name a command to run.")
    _, (target,) = _find(node)
    require_capabilities("weft lab exec")
    netns.enter(target.namespace)
    sys.stdout.flush()
    # Python ignores SIGPIPE, and a program started in its place would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(words[0], words)  # noqa: S606
    except OSError as error:
        raise Unavailable(f"cannot run {words[0]}: {error.strerror}") from None


@lab.command(epilog=examples("weft lab ping red-a red-b", "weft lab ping leaf1 leaf3 -c 10 -o jsonl"))
@click.argument("source")
@click.argument("destination")
@click.option("-c", "--count", type=click.IntRange(1), default=3, show_default=True, help="Questions per family.")
@click.option("-4", "family", flag_value="ipv4", default=None, help="IPv4 only.")
@click.option("-6", "family", flag_value="ipv6", default=None, help="IPv6 only.")
@output_options
def ping(source: str, destination: str, count: int, family: str | None) -> int:
    """Ask DESTINATION from SOURCE by UDP, and measure how long the answer takes.

    Hosts are asked at their addresses, spines and leaves at their loopbacks. Exit code 1 if an answer is missing.
    """
    from weft.lab import prove
    from weft.lab.checks import require_capabilities

    found, (a, b) = _find(source, destination)
    require_capabilities("weft lab ping")
    echoes = list(prove.ping(found, a.name, b.name, count, family))
    if not echoes:
        raise Unavailable(f"{b.name} has no address that {a.name} could use")
    _print("lab-ping", echoes)
    return codes.FINE if all(echo.ok for echo in echoes) else codes.FAILED


@lab.command(epilog=examples("weft lab test demo", "weft lab test -o json"))
@click.argument("name", required=False)
@output_options
def test(name: str | None) -> int:
    """Prove who reaches whom: send between every ordered pair of hosts and see which hosts receive it.

    Hosts of one network must reach each other by IPv4, IPv6 and broadcast; all others must be isolated. Exit code 1
    if any pair differs.
    """
    from weft.lab import prove
    from weft.lab.checks import require_capabilities

    found = _lab(name)
    require_capabilities("weft lab test")
    verdicts = sorted(prove.verdicts(found), key=lambda verdict: verdict.ok)
    _print("lab-test", verdicts)
    if settings().form == "table":
        click.echo(_verdict_line(verdicts))
    return codes.FINE if all(verdict.ok for verdict in verdicts) else codes.FAILED


def _read(file: str) -> tuple[str, str]:
    """(text, label) of a fabric file; the word `demo` means the packaged one, unless there is a file of that name."""
    if file == _DEMO and not Path(file).is_file():
        return (files("weft.lab") / "demo.weft.yaml").read_text(), "demo.weft.yaml"
    return read_config(file), "stdin" if file == "-" else file


def _report(step: str, outcome: str, seconds: float | None) -> None:
    click.echo(f"{step:<10}{outcome}" if seconds is None else f"{step:<10}{outcome:<45}{seconds:.1f} s")


def _next(woven: LabPlan) -> list[str]:
    from weft.config.tree import Group

    leaves = woven.of(Group.LEAF)
    show = [f"weft show mac -n {leaves[0].name}"] if leaves else []
    return [f"weft lab test {woven.name}", *show, f"weft lab down {woven.name}"]


def _lab(name: str | None) -> LabPlan:
    """The lab of that name; None: the only one there is."""
    from weft.lab import state

    names = state.labs()
    if name is None and len(names) > 1:
        raise click.UsageError(f"Which lab? {_listed(names)}.")
    wanted = names[0] if name is None and names else name
    found = state.recorded(wanted) if wanted is not None else None
    if found is None:
        raise Unavailable(f"no lab {wanted or 'is up'}; {_listed(names)}")
    return found


def _find(*names: str) -> tuple[LabPlan, tuple[NodePlan, ...]]:
    """The one lab that has all these nodes, and the nodes."""
    from weft.lab import state, weave

    found = weave.find(*names)
    if not found:
        raise Unavailable(f"no lab has {' and '.join(names)}; {_listed(state.labs())} (weft lab ls shows the nodes)")
    if len(found) > 1:
        choices = ", ".join(f"{each.name}/{names[0]}" for each, _ in found)
        raise click.UsageError(f"Several labs have {' and '.join(names)}: say which, as {choices}.")
    return found[0]


def _listed(names: Sequence[str]) -> str:
    return f"labs: {', '.join(names)}" if names else "there is no lab: weft lab up demo makes one"


def _print(noun: str, structs: Sequence[msgspec.Struct]) -> None:
    items: list[Item] = msgspec.json.decode(msgspec.json.encode(structs))
    text = render(noun, items, _COLUMNS[noun], settings().form)
    if text:
        click.echo(text)


def _verdict_line(verdicts: Sequence[Verdict]) -> str:
    """`check     20/20 ordered host pairs as expected (4 reach, 16 isolated)`."""
    expected: dict[tuple[str, str], str] = {}
    wrong = set()
    for verdict in verdicts:
        pair = (verdict.source, verdict.destination)
        expected[pair] = verdict.expected
        if not verdict.ok:
            wrong.add(pair)
    words = list(expected.values())
    return (
        f"check     {len(expected) - len(wrong)}/{len(expected)} ordered host pairs as expected "
        f"({words.count('reach')} reach, {words.count('isolated')} isolated)"
    )
