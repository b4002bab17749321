"""`weft decode`: every layer of every packet of a capture, or what goes through which tunnel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from weft.cli.captures import ENCAPS, blocks, encap_code, opened, prefix, quiet_pipe
from weft.cli.groups import examples
from weft.cli.options import settings
from weft.cli.output import Column, Item, render
from weft.cli.packet_text import CSV_HEADER, TABLE_HEADER, csv_line, seconds_text, table_line
from weft.values import Prefix, WireError

if TYPE_CHECKING:
    from weft.capture import Capture
    from weft.capture.chosen import Choice
    from weft.capture.items import Item as Packet
    from weft.capture.summary import Summary, Totals

_FORMS = ("table", "jsonl", "json", "csv")
_DEPTH = 8
_SUMMARY_COLUMNS = (
    Column("LEVEL", "level", right=True),
    Column("SOURCE", "source"),
    Column("DESTINATION", "destination"),
    Column("ENCAP", "encap"),
    Column("VNI", "vni", right=True),
    Column("PACKETS", "packets", right=True),
    Column("OCTETS", "octets", right=True),
    Column("OVERHEAD", "overhead_share", right=True, show=lambda share: f"{share:.1%}"),
    Column("INNER-FLOWS", "inner_flows", right=True),
    Column("ERRORS", "errors", right=True),
)


@click.command(
    epilog=examples(
        "weft decode trace.pcapng.gz --vni 5001 --tenant-ip 10.0.0.0/24 -o jsonl",
        "weft decode trace.pcap --summary",
    )
)
@click.argument("file")
@click.option("--vni", type=click.IntRange(0, 2**64 - 2), help="Only tunnels with this VNI, VSID, key or context id.")
@click.option("--tenant-ip", callback=prefix, metavar="PREFIX", help="Only with this address inside a tunnel.")
@click.option("--encap", type=click.Choice(ENCAPS), help="Only tunnels of this kind.")
@click.option("--vtep", callback=prefix, metavar="PREFIX", help="Only tunnels from or to this address.")
@click.option(
    "--gre-key-as",
    type=click.Choice(["both", "nvgre", "plain"]),
    default="both",
    help="What Ethernet in keyed GRE is; by default both readings are shown.",
)
@click.option("--depth", type=click.IntRange(1, 64), default=_DEPTH, help=f"Nested tunnels to open; default {_DEPTH}.")
@click.option("--summary", is_flag=True, help="Packets, octets, overhead, flows and errors of every tunnel.")
@click.option("-j", "json_form", is_flag=True, help="Same as -o json.")
@click.option("-o", "form", type=click.Choice(_FORMS), help="How to print.")
def decode(
    file: str,
    vni: int | None,
    tenant_ip: Prefix | None,
    encap: str | None,
    vtep: Prefix | None,
    gre_key_as: str,
    depth: int,
    summary: bool,
    json_form: bool,
    form: str | None,
) -> None:
    """Show the packets of FILE (pcap or pcapng, also gzipped; `-` is standard input), one line each.

    STT segments and IPv4 fragments are put together; the packet that completes them shows the whole. A broken file is
    shown as far as it can be read; then the error says where it broke, and the exit code is 65.
    """
    form = form or ("json" if json_form else settings().form)
    if form not in _FORMS or (summary and form == "csv"):
        raise click.UsageError(f"-o {form} is not for this command: choose one of {', '.join(_FORMS)}.")
    from weft.capture.chosen import Choice

    choice = Choice(vni, encap_code(encap), vtep, tenant_ip)
    with quiet_pipe(), opened(file) as capture:
        if summary:
            _summarise(capture, choice, gre_key_as, depth, form)
        else:
            _PRINTERS[form](_packets(capture, choice, gre_key_as, depth))


def _packets(capture: Capture, choice: Choice, gre_key_as: str, depth: int) -> Iterator[Packet]:
    from weft.capture.items import Itemiser

    itemiser = Itemiser(choice, depth, gre_key_as)
    for block in blocks(capture, streams=True):
        yield from itemiser.items(block)
        sys.stdout.flush()


def _print_table(packets: Iterator[Packet]) -> None:
    start: int | None = None
    for packet in packets:
        if start is None:
            start = packet.time_ns
            sys.stdout.write(TABLE_HEADER + "\n")
        sys.stdout.write(table_line(packet, start) + "\n")


def _print_csv(packets: Iterator[Packet]) -> None:
    sys.stdout.write(CSV_HEADER)
    for packet in packets:
        sys.stdout.write(csv_line(packet))


def _json_text(packet: Packet) -> str:
    """One packet; its time has all nine digits, which a float would not keep."""
    item = {
        "frame": packet.frame,
        "time": msgspec.Raw(seconds_text(packet.time_ns).encode()),
        "length": packet.length,
        "layers": packet.layers,
        "error": packet.error,
    }
    return msgspec.json.encode(item).decode()


def _print_jsonl(packets: Iterator[Packet]) -> None:
    for packet in packets:
        sys.stdout.write(_json_text(packet) + "\n")


def _print_json(packets: Iterator[Packet]) -> None:
    """A document that is whole even if the capture breaks off."""
    sys.stdout.write('{"schema": "weft.decode/v1", "items": [')
    separator = "\n"
    try:
        for packet in packets:
            sys.stdout.write(separator + _json_text(packet))
            separator = ",\n"
    finally:
        sys.stdout.write("\n]}\n")


_PRINTERS: dict[str, Callable[[Iterator[Packet]], None]] = {
    "table": _print_table,
    "csv": _print_csv,
    "jsonl": _print_jsonl,
    "json": _print_json,
}


def _summarise(capture: Capture, choice: Choice, gre_key_as: str, depth: int, form: str) -> None:
    """Print the tunnels; those of a capture that breaks off are printed before the error."""
    from weft.capture import Reading
    from weft.capture.summary import Summary

    reading = Reading.PLAIN if gre_key_as == "plain" else Reading.NVGRE
    summary = Summary(choice)
    try:
        for block in blocks(capture):
            summary.add(block, block.columns(depth, reading))
    except WireError:
        _print_summary(summary, form, gre_key_as)
        raise
    _print_summary(summary, form, gre_key_as)


def _item(total: Totals) -> Item:
    return {
        "level": total.level,
        "source": str(total.source) if total.source else None,
        "destination": str(total.destination) if total.destination else None,
        "encap": total.encap.name.lower() if total.encap else None,
        "vni": total.key,
        "packets": total.packets,
        "octets": total.octets,
        "overhead_octets": total.overhead_octets,
        "overhead_share": round(total.overhead_octets / max(1, total.octets), 6),
        "inner_flows": total.inner_flows,
        "errors": total.errors,
    }


def _print_summary(summary: Summary, form: str, gre_key_as: str) -> None:
    items = [_item(total) for total in summary.totals()]
    click.echo(render("decode-summary", items, _SUMMARY_COLUMNS, form), nl=bool(items) or form != "jsonl")
    if gre_key_as == "both" and any(item["encap"] == "nvgre" for item in items):
        click.echo("Ethernet in keyed GRE is counted as NVGRE; --gre-key-as plain counts it by its key.", err=True)
    if not summary.flows_complete:
        click.echo("There are more inner flows than were counted: INNER-FLOWS is a lower bound.", err=True)
