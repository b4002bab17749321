"""`weft mtu`: what fits through a tunnel, and where the rest goes."""

from __future__ import annotations

import click
from msgspec import structs

from weft.cli.groups import examples
from weft.cli.options import output_options, settings
from weft.cli.output import Column, Item, render, table
from weft.wire.mtu import ESP_TRAILER, TUNNELS, Around, Fit, fit_inner, fit_link

_VERSIONS = {"ipv4": 4, "ipv6": 6}
_LINK_MTU = 1500
_COLUMNS = (
    Column("ENCAP", "encap"),
    Column("UNDERLAY", "underlay"),
    Column("LINK", "link_mtu", right=True),
    Column("OVERHEAD", "overhead", right=True),
    Column("INNER MTU", "inner_mtu", right=True),
    Column("PING", "ping_payload", right=True),
    Column("TCP MSS", "tcp_mss", right=True),
)
_LEDGER_COLUMNS = (
    Column("AT", "place", right=True),
    Column("OCTETS", "octets", right=True),
    Column("HEADER", "header"),
    Column("FIELD", "field"),
)
_ON_WIRE = Column("ON WIRE", "wire_overhead", right=True)
_COUNTED = """
LINK is the IP MTU of the underlay. OVERHEAD is what it pays beyond the tenant's IP packet: outer IP, transport, tunnel
header and, where frames are carried (all but gre), the inner Ethernet header. INNER MTU = LINK - OVERHEAD. An outer
VLAN tag adds 4 octets on the wire and nothing here. PING (ping -s) and TCP MSS are those of an {tenant} tenant."""
_STT_COUNTED = """STT cuts a frame (up to 65517 octets) into segments: the first counts the same headers, a further one
the outer Ethernet, outer IP and segment header that it adds on the wire."""


@click.command(
    epilog=examples(
        "weft mtu --link-mtu 9000",
        "weft mtu --inner-mtu 1500 --encap geneve --geneve-options 16 --underlay ipv4 --explain",
    )
)
@click.option("--link-mtu", type=click.IntRange(576, 65535), help="IP MTU of the underlay; default 1500.")
@click.option("--inner-mtu", type=click.IntRange(68, 65503), help="Say which link MTU this inner MTU needs.")
@click.option("--encap", "encaps", type=click.Choice(list(TUNNELS)), multiple=True, help="Only this one; repeatable.")
@click.option("--underlay", type=click.Choice(list(_VERSIONS)), help="Only this one.")
@click.option("--tenant", type=click.Choice(list(_VERSIONS)), default="ipv4", help="Whose ping and TCP; default ipv4.")
@click.option("--geneve-options", type=click.IntRange(0, 252), default=0, metavar="OCTETS", help="In words of 4.")
@click.option("--outer-vlan", type=click.IntRange(0, 2), default=0, metavar="TAGS", help="Tags of the underlay's link.")
@click.option("--inner-vlan", type=click.IntRange(0, 2), default=0, metavar="TAGS", help="Tags of the tenant's frames.")
@click.option("--esp", type=click.Choice(["transport", "tunnel"]), help="IPsec ESP with AES-GCM around the tunnel.")
@click.option("--explain", is_flag=True, help="Every header, octet by octet.")
@output_options
def mtu(
    link_mtu: int | None,
    inner_mtu: int | None,
    encaps: tuple[str, ...],
    underlay: str | None,
    tenant: str,
    geneve_options: int,
    outer_vlan: int,
    inner_vlan: int,
    esp: str | None,
    explain: bool,
) -> None:
    """The byte ledger of every encapsulation: overhead, inner MTU, the largest ping -s, TCP MSS."""
    if link_mtu is not None and inner_mtu is not None:
        raise click.UsageError("--link-mtu asks what fits, --inner-mtu what is needed: give one of them.")
    if geneve_options % 4:
        raise click.UsageError(f"--geneve-options {geneve_options}: options are words of 4 octets.")
    around = Around(geneve_options, outer_vlan, inner_vlan, esp)
    version = _VERSIONS[tenant]
    fits = [
        fit_link(name, _VERSIONS[under], link_mtu or _LINK_MTU, around, version)
        if inner_mtu is None
        else fit_inner(name, _VERSIONS[under], inner_mtu, around, version)
        for name in encaps or TUNNELS
        for under in ([underlay] if underlay else _VERSIONS)
    ]
    form = settings().form
    if form != "table":
        click.echo(render("mtu", [_item(fit, explain) for fit in fits], _COLUMNS, form))
    elif explain:
        click.echo("\n\n".join(map(_explained, fits)))
    else:
        click.echo(_table(fits, outer_vlan > 0))
        click.echo(_COUNTED.format(tenant={"ipv4": "IPv4", "ipv6": "IPv6"}[tenant]))
        if any(fit.first_segment for fit in fits):
            click.echo(_STT_COUNTED)


def _item(fit: Fit, explain: bool) -> Item:
    item = structs.asdict(fit)
    del item["ledger"]
    if explain:
        item["ledger"] = [
            {"header": part.name, "field": field, "octets": octets}
            for part in fit.ledger
            for field, octets in part.fields
        ]
    return item


def _table(fits: list[Fit], on_wire: bool) -> str:
    columns = (*_COLUMNS, _ON_WIRE) if on_wire else _COLUMNS
    lines = table([_item(fit, False) for fit in fits], columns).split("\n")
    at = lines[0].index("OVERHEAD")
    for row, fit in enumerate(fits, 1):
        if fit.first_segment is not None and fit.inner_mtu is None:
            lines[row] = f"{lines[row][:at]}{_segments(fit)}; not bound by the link MTU"
    return "\n".join(lines)


def _segments(fit: Fit) -> str:
    return f"{fit.first_segment} first segment, {fit.further_segment} each further one"


def _explained(fit: Fit) -> str:
    """One line per field: its place behind the outer link's header (ESP's trailer ends the packet), header and name."""
    rows: list[Item] = []
    at = 0
    for part in fit.ledger:
        for field, octets in part.fields:
            place = str(at) if octets == 1 else f"{at}-{at + octets - 1}"
            place = "end" if part is ESP_TRAILER else place
            rows.append({"place": place, "octets": octets, "header": part.name, "field": field})
            at += octets
    title = f"{fit.encap} over {fit.underlay}, link MTU {fit.link_mtu}"
    lines = [title, table(rows, _LEDGER_COLUMNS), *_sums(fit, at)]
    return "\n".join(lines)


def _sums(fit: Fit, octets: int) -> list[str]:
    lines = [f"{octets} octets of headers around the tenant's IP packet"]
    if fit.overhead != octets:
        lines = [f"{octets} octets of headers, {fit.overhead - octets} of ESP padding or left over"]
    if fit.first_segment is not None:
        lines.append(f"on the wire {_segments(fit)}")
    if fit.inner_mtu is None:
        return [*lines, "not bound by the link MTU: frames up to 65517 octets are cut into segments"]
    return [
        *lines,
        f"inner MTU {fit.link_mtu} - {fit.overhead} = {fit.inner_mtu}",
        f"ping -s {fit.ping_payload} and TCP MSS {fit.tcp_mss}: less the tenant's IP and ICMP, or IP and TCP, header",
    ]
