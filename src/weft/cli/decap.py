"""`weft decap`: a capture without its tunnels."""

from __future__ import annotations

import click

from weft.cli.captures import blocks, not_the_same, opened, written
from weft.cli.groups import examples


@click.command(epilog=examples("weft decap trace.pcap inner.pcap", "weft decap --all trace.pcapng.gz - | tcpdump -r -"))
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--all", "every", is_flag=True, help="All tunnels, not only the outermost.")
def decap(source: str, target: str, every: bool) -> None:
    """Write the packets of IN to OUT with their outermost tunnel taken off. `-` is standard input or output.

    Times are kept. STT segments are put together; packets without a tunnel and IPv4 fragments stay as they are. OUT is
    pcap with nanoseconds.
    """
    not_the_same(source, target)
    from weft.capture.decap import Decapsulator
    from weft.capture.pcap import file_header

    work = Decapsulator(every)
    with opened(source) as capture, written(target) as file:
        file.write(file_header())
        for block in blocks(capture):
            file.write(work.records(block).data)
    counts = work.counts
    text = f"{counts['opened']} packets opened, {counts['unchanged']} without a tunnel"
    if counts["pieces"]:
        text += f", {counts['pieces']} segments joined to others or never completed"
    if counts["unknown"]:
        text += f", {counts['unknown']} left out: unknown link type"
    click.echo(text, err=True)
