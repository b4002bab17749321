"""tshark as an oracle for columns: its fields, and the same fields from columns, as the same texts.

The fields are those of the outermost and of all inner layers, in order, joined by commas. What tshark shows in its own
way (Geneve's VNI and GRE's key in hexadecimal) is brought to numbers.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from weft.capture import NO_KEY, Block, Columns, EncapCode
from weft.values import Ip

TSHARK_FIELDS = (
    "frame.time_epoch",
    "frame.len",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "ip.proto",
    "ipv6.nxt",
    "udp.srcport",
    "udp.dstport",
    "tcp.srcport",
    "tcp.dstport",
    "vxlan.vni",
    "geneve.vni",
    "gre.key",
    "stt.context_id",
)
_OPTIONS = (
    "ip.try_heuristic_first:TRUE",  # for STT, which tshark has by heuristics only
    "ipv6.try_heuristic_first:TRUE",
    "tcp.analyze_sequence_numbers:FALSE",
    "ip.defragment:FALSE",
    "stt.reassemble:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
)

Row = tuple[str, ...]


def tshark_command(path: Path) -> list[str]:
    """The command whose output `tshark_rows` reads."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    fields = [word for field in TSHARK_FIELDS for word in ("-e", field)]
    return ["tshark", "-n", "-r", str(path), *options, "-T", "fields", "-E", "occurrence=a", *fields]


def tshark_rows(path: Path) -> list[Row]:
    done = subprocess.run(tshark_command(path), capture_output=True, text=True, check=True)
    rows = []
    for line in done.stdout.splitlines():
        row = dict(zip(TSHARK_FIELDS, line.split("\t"), strict=True))
        for field in ("geneve.vni", "gre.key", "stt.context_id"):
            row[field] = ",".join(str(int(number, 0)) for number in row[field].split(",") if number)
        rows.append(tuple(row.values()))
    return rows


def columns_as_tshark(block: Block, columns: Columns) -> list[Row]:
    """The rows that tshark would print for a block, from its columns in the plain reading of GRE keys."""
    found: list[dict[str, list[str]]] = [{field: [] for field in TSHARK_FIELDS} for _ in range(len(block))]
    for row, (time_ns, length) in enumerate(zip(block.time_ns.tolist(), block.length.tolist(), strict=True)):
        found[row]["frame.time_epoch"].append(f"{time_ns // 10**9}.{time_ns % 10**9:09}")
        found[row]["frame.len"].append(str(length))
    keys = {EncapCode.VXLAN: "vxlan.vni", EncapCode.GENEVE: "geneve.vni", EncapCode.GRE: "gre.key"}
    for level in columns.levels:
        for place, row in enumerate(level.row.tolist()):
            fields = found[row]
            version, encap = int(level.version[place]), int(level.encap[place])
            if version:
                name = "ip" if version == 4 else "ipv6"
                fields[f"{name}.src"].append(_address(version, level.source[place]))
                fields[f"{name}.dst"].append(_address(version, level.destination[place]))
                fields["ip.proto" if version == 4 else "ipv6.nxt"].append(str(level.protocol[place]))
            if level.sport[place] >= 0 and encap != EncapCode.STT:  # of STT tshark shows no TCP ports
                name = "udp" if level.protocol[place] == 17 else "tcp"
                fields[f"{name}.srcport"].append(str(level.sport[place]))
                fields[f"{name}.dstport"].append(str(level.dport[place]))
            if level.key[place] != NO_KEY:
                fields[keys.get(EncapCode(encap), "stt.context_id")].append(str(level.key[place]))
    return [tuple(",".join(texts) for texts in fields.values()) for fields in found]


def _address(version: int, pair: np.ndarray) -> str:
    number = int(pair[0]) << 64 | int(pair[1])
    return str(Ip(number.to_bytes(4 if version == 4 else 16, "big")))
