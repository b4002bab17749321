"""One packet as one line, for people (table) and for spreadsheets (csv).

Every text that comes from a capture passes `printable`: packets are written by strangers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from weft.config.errors import printable

if TYPE_CHECKING:
    from weft.capture.items import Item

_NS = 1_000_000_000
_FLAGS = "FSRPAUEC"
TABLE_HEADER = f"{'FRAME':>7}  {'SECONDS':>12}  {'LENGTH':>6}  PACKET"
_CSV_COLUMNS = (
    "frame",
    "time",
    "length",
    "nesting",
    "vtep_source",
    "vtep_destination",
    "encap",
    "vni",
    "source",
    "destination",
    "protocol",
    "sport",
    "dport",
    "error",
)
CSV_HEADER = ",".join(_CSV_COLUMNS) + "\n"
_TUNNELS = {"vxlan": "vni", "geneve": "vni", "nvgre": "vsid", "gre": "key", "stt": "context_id"}

Layer = Mapping[str, object]


def seconds_text(time_ns: int) -> str:
    """Seconds with all nine digits, which a float would not keep."""
    return f"{'-' if time_ns < 0 else ''}{abs(time_ns) // _NS}.{abs(time_ns) % _NS:09}"


def table_line(packet: Item, start_ns: int) -> str:
    """Number, seconds since the first packet, octets, and the layers from outside to inside; `|` enters a tunnel."""
    since = packet.time_ns - start_ns
    text = printable(" ".join(filter(None, map(_words, packet.layers))) or "-").replace("| nvgre", "or nvgre")
    last = packet.layers[-1] if packet.layers else None
    if last is not None and last["layer"] == "ethernet":
        text += f" {last['src']} > {last['dst']} ethertype {last['ethertype']:#06x}"
    error = f"  ! {printable(packet.error)}" if packet.error else ""
    return f"{packet.frame:>7}  {since / _NS:>12.6f}  {packet.length:>6}  {text}{error}"


def _words(layer: Layer) -> str:
    """A layer in a few words; nothing for Ethernet, which matters only where nothing else is known."""
    show = _WORDS.get(str(layer["layer"]))
    return show(layer) if show else str(layer["layer"])


def _ports(layer: Layer) -> str:
    return f"{layer['layer']} {layer['sport']} > {layer['dport']}"


def _tcp(layer: Layer) -> str:
    flags = int(str(layer["flags"]))
    return f"{_ports(layer)} {''.join(name for bit, name in enumerate(_FLAGS) if flags >> bit & 1) or '-'}"


def _ip(layer: Layer) -> str:
    text = f"{layer['src']} > {layer['dst']}"
    offset = layer["fragment_offset"]
    return f"{text} fragment at {offset}" if layer["mf"] or offset else text


def _gre(layer: Layer) -> str:
    if layer["version"] == 1:
        return f"pptp call {layer.get('call_id')}"
    return "gre |" if layer["key"] is None else f"gre key {layer['key']} |"


def _stt(layer: Layer) -> str:
    if layer["context_id"] is None:
        return f"stt segment {layer['id']} at {layer['offset']} of {layer['frame_length']}"
    return f"stt {layer['context_id']} |"


def _arp(layer: Layer) -> str:
    if layer["operation"] == 1:
        return f"arp who has {layer['target_ip']} tell {layer['sender_ip']}"
    return f"arp {layer['sender_ip']} is at {layer['sender_mac']}"


_WORDS: dict[str, Callable[[Layer], str]] = {
    "ethernet": lambda layer: "",
    "vlan": lambda layer: f"vlan {layer['vid']}",
    "mpls": lambda layer: f"mpls {layer['label']}",
    "arp": _arp,
    "ipv4": _ip,
    "ipv6": _ip,
    "udp": _ports,
    "tcp": _tcp,
    "icmp": lambda layer: f"icmp type {layer['type']} code {layer['code']}",
    "icmpv6": lambda layer: f"icmpv6 type {layer['type']} code {layer['code']}",
    "igmp": lambda layer: f"igmp type {layer['type']} {layer['group']}",
    "gre": _gre,
    "nvgre": lambda layer: f"nvgre {layer['vsid']} flow {layer['flow_id']} |",
    "vxlan": lambda layer: f"vxlan {layer['vni']} |",
    "geneve": lambda layer: f"geneve {layer['vni']} |",
    "stt": _stt,
}


def csv_line(packet: Item) -> str:
    """The outermost tunnel and what is innermost. Of two readings of GRE, NVGRE's is written."""
    layers = packet.layers
    names = [str(layer["layer"]) for layer in layers]
    tunnels = [
        place
        for place, name in enumerate(names)
        if name in _TUNNELS and not (name == "gre" and names[place + 1 : place + 2] == ["nvgre"])
    ]
    outer = _addresses(layers[: tunnels[0]]) if tunnels else ("", "", "")
    encap = names[tunnels[0]] if tunnels else ""
    inside = layers[tunnels[-1] + 1 :] if tunnels else layers
    ports = next(((layer["sport"], layer["dport"]) for layer in inside if layer["layer"] in ("udp", "tcp")), ("", ""))
    row = (
        packet.frame,
        seconds_text(packet.time_ns),
        packet.length,
        len(tunnels),
        *outer[:2],
        encap,
        layers[tunnels[0]][_TUNNELS[encap]] if tunnels else "",
        *_addresses(inside),
        *ports,
        printable(packet.error or ""),
    )
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow("" if value is None else value for value in row)
    return text.getvalue()


def _addresses(layers: tuple[Layer, ...]) -> tuple[object, object, object]:
    """Source, destination and protocol of the first IP header."""
    for layer in layers:
        if layer["layer"] in ("ipv4", "ipv6"):
            return layer["src"], layer["dst"], layer["protocol"]
    return "", "", ""
