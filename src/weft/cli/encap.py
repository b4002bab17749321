"""`weft encap`: a capture put into a tunnel."""

from __future__ import annotations

import click

from weft.cli.captures import ENCAPS, address, blocks, not_the_same, opened, written
from weft.cli.groups import examples
from weft.values import VNI_MAX, Encap, Ip

_KEY_BITS = {Encap.GRE: 32, Encap.STT: 64}


@click.command(
    epilog=examples(
        "weft encap plain.pcap out.pcap --encap vxlan --vni 5001 --src 192.0.2.1 --dst 192.0.2.2",
        "weft encap plain.pcap out.pcap --encap stt --vni 5001 --src 2001:db8::1 --dst 2001:db8::2 --link-mtu 9000",
    )
)
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--encap", type=click.Choice(ENCAPS), required=True)
@click.option("--vni", type=click.IntRange(0, 2**64 - 1), required=True, help="VNI, VSID, GRE key or STT context id.")
@click.option("--src", callback=address, required=True, metavar="ADDRESS", help="The sending VTEP.")
@click.option("--dst", callback=address, required=True, metavar="ADDRESS", help="The receiving VTEP.")
@click.option(
    "--link-mtu", type=click.IntRange(576, 65535), default=1500, help="IP MTU that STT is cut to; default 1500."
)
def encap(source: str, target: str, encap: str, vni: int, src: Ip, dst: Ip, link_mtu: int) -> None:
    """Write the packets of IN to OUT, put into a tunnel. `-` is standard input or output.

    Times are kept, checksums are valid, source port and FlowID come from weft's flow hash. Frames that grow beyond the
    link's MTU are written all the same; only STT cuts them into segments. OUT is pcap with nanoseconds.
    """
    kind = Encap(encap)
    most = (1 << _KEY_BITS[kind]) - 1 if kind in _KEY_BITS else VNI_MAX
    if vni > most:
        raise click.BadParameter(f"{vni} does not fit: {encap} has room for 0 to {most}.", param_hint="--vni")
    if src.version != dst.version:
        raise click.UsageError(f"--src {src} and --dst {dst} must both be IPv4 or both be IPv6.")
    not_the_same(source, target)
    from weft.capture.encap import Encapsulator
    from weft.capture.pcap import file_header

    work = Encapsulator(kind, vni, src, dst, link_mtu)
    packets = written_packets = 0
    with opened(source) as capture, written(target) as file:
        file.write(file_header())
        for block in blocks(capture):
            records = list(work.records(block))
            file.write(b"".join(records))
            packets += len(block)
            written_packets += len(records)
    click.echo(f"{packets} packets read, {written_packets} written", err=True)
