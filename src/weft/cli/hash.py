"""`weft hash`: how flows spread over equal links."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli.captures import blocks, opened
from weft.cli.exit import NoInput
from weft.cli.groups import examples
from weft.cli.options import output_options, settings
from weft.cli.output import Column, Item, render

if TYPE_CHECKING:
    from weft.capture.spread import Flows, Spread

_COLUMNS = (
    Column("ENCAP", "encap"),
    Column("SWITCH", "switch"),
    Column("ADDRESSES", "addresses", right=True),
    Column("DISTINCT", "distinct", right=True),
    Column("MAX/MEAN", "max_mean", right=True, show=lambda value: f"{value:.2f}"),
    Column("ENTROPY", "entropy", right=True, show=lambda value: f"{value:.3f}"),
    Column("IDLE", "idle", right=True),
    Column("LINKS", "chart"),
)
_ADDRESSES = 4


@click.command(
    "hash",
    epilog=examples("weft hash trace.pcap --links 4", "weft hash --flows 10000 --links 16 --svg spread.svg"),
)
@click.argument("file", required=False)
@click.option("--flows", type=click.IntRange(1, 1 << 20), help="So many synthetic flows between two VTEPs, no FILE.")
@click.option("--links", type=click.IntRange(1, 512), default=8, help="Equal links to spread over; default 8.")
@click.option("--addresses", type=click.IntRange(2, 64), default=_ADDRESSES, help="Provider addresses for NVGRE.")
@click.option("--by", type=click.Choice(["flows", "packets", "octets"]), default="flows", help="What a load counts.")
@click.option("--seed", type=click.IntRange(0, (1 << 32) - 1), default=1, help="Of the switches' hash and the flows.")
@click.option("--svg", type=click.Path(dir_okay=False), help="Also draw the loads into this file.")
@output_options
def hash_(file: str | None, flows: int | None, links: int, addresses: int, by: str, seed: int, svg: str | None) -> None:
    """How the flows of a capture (or a synthetic mix) spread over equal links, for every encapsulation and switch.

    Each flow is sent between the VTEPs that FILE shows it between, in every encapsulation in turn. SWITCH is what a
    switch hashes: outer-5-tuple; gre-key: the 32-bit key too; inner: the headers inside; ipv6-flow-label: addresses and
    label of an IPv6 underlay. DISTINCT: how many different values it sees. ENTROPY: 1 if all links are equal, 0 if one
    has everything.
    """
    if (file is None) == (flows is None):
        raise click.UsageError("give a FILE, or --flows for a synthetic mix.")
    from weft.capture import spread

    mix = spread.synthetic_flows(flows, seed) if flows is not None else _flows(str(file))
    weights = {"flows": mix.packets > 0, "packets": mix.packets, "octets": mix.octets}[by].astype("int64")
    found = spread.spreads(mix, links, weights, addresses, seed)
    items = [_item(one) for one in found]
    if settings().form == "table":
        click.echo(f"{len(mix)} flows over {links} links, loads in {by}\n")
    click.echo(render("hash", items, _COLUMNS, settings().form))
    if svg is not None:
        _draw(Path(svg), f"{len(mix)} flows over {links} links, loads in {by}", found)


def _flows(file: str) -> Flows:
    from weft.capture.spread import FlowTable

    table = FlowTable()
    with opened(file) as capture:
        for block in blocks(capture):
            table.add(block, block.columns(1))
    if not table.complete:
        click.echo("There are more flows than were counted.", err=True)
    return table.flows()


def _item(one: Spread) -> Item:
    from weft.capture.chart import bars

    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return {
        "encap": one.encap.value,
        "switch": one.switch.value,
        "addresses": one.addresses,
        "links": len(one.loads),
        "distinct": one.distinct,
        "max_mean": round(one.max_mean, 4),
        "entropy": round(one.entropy, 4),
        "idle": one.idle,
        "loads": list(one.loads),
        "chart": bars(one.loads, unicode),
    }


def _draw(path: Path, title: str, found: list[Spread]) -> None:
    from weft.capture.chart import svg

    charts = [
        (f"{one.encap}, {one.switch}, {one.addresses} address(es): max/mean {one.max_mean:.2f}", one.loads)
        for one in found
    ]
    try:
        path.write_text(svg(title, charts))
    except OSError as error:
        raise NoInput(f"cannot write {path}: {error.strerror or error}") from None
