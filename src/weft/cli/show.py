"""`weft show`: what an agent knows. One table says how each noun is printed and filtered; the rest is common."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from msgspec import Struct

from weft.cli import exit as codes
from weft.cli.client import TIMEOUT_S, get_items
from weft.cli.groups import Group, examples
from weft.cli.options import Settings, reading_options, settings
from weft.cli.output import Column, Item, cell, duration, render
from weft.values import PermissionMissing, Unavailable

_WATCH_S = 1.0
_POLL_S = 0.2


class Filter(Struct, frozen=True):
    """An option `--name VALUE` that keeps items whose `key` is VALUE, or holds it."""

    name: str
    key: str
    help: str


class Noun(Struct, frozen=True):
    name: str
    help: str
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()


def _vtep_addresses(value: object) -> str:
    vteps = value if isinstance(value, list) else [value]
    return ",".join(cell(vtep.get("address")) if isinstance(vtep, dict) else cell(vtep) for vtep in vteps)


_BY_NETWORK = Filter("network", "network", "Only this network.")
_BY_VNI = Filter("vni", "vni", "Only this VNI.")

STATUS = Noun(
    "status",
    "Whether the agent has converged, and what is missing.",
    (
        Column("NAME", "name"),
        Column("DATAPLANE", "dataplane"),
        Column("UPTIME", "uptime_s", right=True, show=duration),
        Column("CONVERGED", "converged"),
        Column("PROBLEMS", "problems"),
    ),
)
MAC = Noun(
    "mac",
    "MAC addresses and where they are.",
    (
        Column("NETWORK", "network"),
        Column("VNI", "vni"),
        Column("MAC", "mac"),
        Column("WHERE", "where"),
        Column("PORT", "port"),
        Column("VTEP", "vtep"),
        Column("ENCAP", "encap"),
        Column("SOURCE", "source"),
        Column("SEQ", "sequence", right=True),
        Column("FLAGS", "flags"),
    ),
    (
        _BY_NETWORK,
        _BY_VNI,
        Filter("mac", "mac", "Only this address."),
        Filter("where", "where", "Only local, remote or gateway."),
        Filter("source", "source", "Only static, learned or evpn."),
    ),
)
VTEP = Noun(
    "vtep",
    "Remote VTEPs and the networks shared with them.",
    (
        Column("ADDRESS", "address"),
        Column("ENCAP", "encap"),
        Column("LANE", "lane"),
        Column("VNIS", "vnis"),
        Column("STATE", "state"),
    ),
    (Filter("address", "address", "Only this VTEP."), Filter("vni", "vnis", "Only VTEPs of this VNI.")),
)
EVPN = Noun(
    "evpn",
    "EVPN routes.",
    (
        Column("TYPE", "type"),
        Column("RD", "rd"),
        Column("MAC", "mac"),
        Column("IP", "ip"),
        Column("PREFIX", "prefix"),
        Column("VNIS", "vnis"),
        Column("NEXTHOP", "nexthop"),
        Column("ROUTE-TARGETS", "route_targets"),
        Column("SEQ", "sequence", right=True),
        Column("PEER", "peer"),
        Column("BEST", "best"),
        Column("IMPORTED-BY", "imported_by"),
    ),
    (
        Filter("type", "type", "Only routes of this type (1 to 5)."),
        Filter("vni", "vnis", "Only routes of this VNI."),
        Filter("mac", "mac", "Only routes of this MAC."),
        Filter("rd", "rd", "Only routes of this route distinguisher."),
        Filter("peer", "peer", "Only routes of this peer."),
    ),
)
BGP = Noun(
    "bgp",
    "BGP sessions.",
    (
        Column("PEER", "peer"),
        Column("AS", "remote_asn"),
        Column("STATE", "state"),
        Column("UPTIME", "uptime_s", right=True, show=duration),
        Column("RECEIVED", "received", right=True),
        Column("ACCEPTED", "accepted", right=True),
        Column("SENT", "sent", right=True),
        Column("LAST-ERROR", "last_error"),
    ),
    (Filter("peer", "peer", "Only this peer."), Filter("state", "state", "Only sessions in this state.")),
)
PORT = Noun(
    "port",
    "Ports of tenants.",
    (
        Column("NAME", "name"),
        Column("NETWORK", "network"),
        Column("VLAN", "vlan"),
        Column("MTU", "mtu", right=True),
        Column("STATE", "state"),
        Column("RX-PACKETS", "rx_packets", right=True),
        Column("TX-PACKETS", "tx_packets", right=True),
        Column("RX-OCTETS", "rx_octets", right=True),
        Column("TX-OCTETS", "tx_octets", right=True),
        Column("MACS", "macs", right=True),
    ),
    (_BY_NETWORK, Filter("name", "name", "Only this port.")),
)
DROPS = Noun(
    "drops",
    "Why packets were dropped. The table hides reasons that never occurred.",
    (Column("REASON", "reason"), Column("COUNT", "count", right=True), Column("MEANING", "meaning")),
    (Filter("reason", "reason", "Only this reason."),),
)
COUNTERS = Noun(
    "counters",
    "Counters of the data path and the control plane.",
    (Column("NAME", "name"), Column("VALUE", "value", right=True)),
    (Filter("name", "name", "Only this counter."),),
)


@click.group(cls=Group, epilog=examples("weft show mac -n leaf1", "weft show status --wait 10 -j"))
@reading_options
def show() -> None:
    """What an agent knows."""


def _matches(item: Item, wanted: dict[str, str]) -> bool:
    for key, text in wanted.items():
        value = item.get(key)
        if text not in map(str, value if isinstance(value, list) else [value]):
            return False
    return True


def _print(noun: Noun, items: list[Item], form: str) -> None:
    text = render(noun.name, items, noun.columns, form)
    if text:
        click.echo(text)


def _watch(draw: Callable[[], None]) -> None:
    """Draw again every second, over the last picture on a terminal, until Ctrl-C."""
    try:
        while True:
            if sys.stdout.isatty():
                click.echo("\x1b[H\x1b[2J", nl=False)
            draw()
            sys.stdout.flush()
            time.sleep(_WATCH_S)
    except KeyboardInterrupt:
        return


def _add(noun: Noun) -> None:
    """Make the command of one noun."""

    def run(watch: bool, everything: bool = False, wait: float | None = None, **chosen: str | None) -> int:
        wanted = {f.key: value for f in noun.filters if (value := chosen[f.name]) is not None}
        current = settings()

        def draw() -> None:
            items = [item for item in get_items(current.agent(), noun.name) if _matches(item, wanted)]
            if noun is DROPS and current.form == "table" and not everything:
                items = [item for item in items if item.get("count")]
            _print(noun, items, current.form)

        if wait is not None:
            return _wait(current, wait)
        if watch:
            _watch(draw)
        else:
            draw()
        return codes.FINE

    command = click.command(
        noun.name, help=noun.help, epilog=examples(f"weft show {noun.name} -n leaf1", f"weft show {noun.name} -o json")
    )
    decorated = reading_options(
        click.option("-w", "--watch", is_flag=True, help="Draw again every second until Ctrl-C.")(run)
    )
    for item in reversed(noun.filters):
        decorated = click.option(f"--{item.name}", metavar="VALUE", help=item.help)(decorated)
    if noun is DROPS:
        decorated = click.option("--all", "everything", is_flag=True, help="Also reasons that never occurred.")(
            decorated
        )
    if noun is STATUS:
        decorated = click.option(
            "--wait", type=click.FloatRange(0), metavar="SECONDS", help="Wait until converged; exit 1 if it does not."
        )(decorated)
    show.add_command(command(decorated))


def _wait(current: Settings, wait_s: float) -> int:
    """Poll the status until every item has converged, or the time is over. An agent that is not there may come."""
    deadline = time.monotonic() + wait_s
    while True:
        items, trouble = _status(current.agent, deadline)
        left_s = deadline - time.monotonic()
        if not trouble or left_s <= 0:
            break
        time.sleep(min(_POLL_S, left_s))
    _print(STATUS, items, current.form)
    if not trouble:
        return codes.FINE
    click.echo(f"not converged after {wait_s:g} s: {trouble}", err=True)
    return codes.FAILED


def _status(agent: Callable[[], Path], deadline: float) -> tuple[list[Item], str]:
    """(items, what is missing): nothing is missing once converged."""
    try:
        timeout_s = min(TIMEOUT_S, max(_POLL_S, deadline - time.monotonic()))
        items = get_items(agent(), "status", timeout_s)
    except PermissionMissing:
        raise
    except Unavailable as error:
        return [], str(error)
    if not items:
        return [], "the agent tells no status"
    behind = [item for item in items if item.get("converged") is not True]
    problems = [cell(item.get("problems")) for item in behind]
    return items, "; ".join(text if text != "-" else "no problem is named" for text in problems)


for _noun in (STATUS, MAC, VTEP, EVPN, BGP, PORT, DROPS, COUNTERS):
    _add(_noun)
