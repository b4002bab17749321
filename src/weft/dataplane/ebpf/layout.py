"""Layout of the eBPF maps, once: Python packs by it, and the C header is generated from it.

Numbers are in host byte order; `mac` and `ip4` fields hold octets as on the wire. No struct has implicit padding:
a static assertion beside each generated struct refuses one that would.
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from typing import Final

from msgspec import Struct

from weft.forwarding import flowhash, pipeline, rows, tunnels
from weft.forwarding.drops import COUNTERS, Counter, Drop
from weft.wire.encap import vxlan

FLOOD_MEMBERS: Final = 128
"""Most receivers of one flooded frame: the bound of the copy loop."""
FANOUT: Final = 8
"""Most targets of a next hop and most paths of an underlay route."""
TUNNELS: Final = 4096
NEXTHOPS: Final = 16384
PORTS: Final = 4096
ADDRESSES: Final = 262144

KIND_PORT = 0
"""An address behind a port. Behind a tunnel the kind is a number that each agent draws anew."""
EVENT_LEARNED, EVENT_AGED = 1, 2
VAP_PEER = 1
BRIDGE_LEARN = 1
MAC_PINNED = 1
CONFIG_STRICT = 1
AGE_BATCH: Final = 32
"""Addresses looked at by one run of the ageing program."""

_C_TYPES = {"u8": ("__u8", "B"), "u16": ("__u16", "H"), "u32": ("__u32", "I"), "u64": ("__u64", "Q")}


class Field(Struct, frozen=True):
    """`kind` is u8 | u16 | u32 | u64 | mac | ip4 (four octets in network order), or the name of another layout."""

    name: str
    kind: str
    count: int = 1


class Layout(Struct, frozen=True):
    """A C struct and its Python packing."""

    name: str
    fields: tuple[Field, ...]

    @property
    def packer(self) -> struct.Struct:
        """Packs the fields in order; an inner layout is given as its packed octets."""
        return _packer(self)

    @property
    def size(self) -> int:
        return self.packer.size

    def c_source(self) -> str:
        lines = [f"struct weft_{self.name} {{"]
        for field in self.fields:
            many = f"[{field.count}]" if field.count > 1 else ""
            if field.kind == "mac":
                lines.append(f"    __u8 {field.name}{many}[6];")
            elif field.kind == "ip4":
                lines.append(f"    __be32 {field.name}{many};")
            elif field.kind in _C_TYPES:
                lines.append(f"    {_C_TYPES[field.kind][0]} {field.name}{many};")
            else:
                lines.append(f"    struct weft_{field.kind} {field.name}{many};")
        return "\n".join([*lines, "};", f'_Static_assert(sizeof(struct weft_{self.name}) == {self.size}, "packing");'])


def _code(field: Field) -> str:
    if field.kind == "mac":
        return "6s" * field.count
    if field.kind == "ip4":
        return "4s" * field.count
    if field.kind in _C_TYPES:
        return _C_TYPES[field.kind][1] * field.count
    return f"{BY_NAME[field.kind].size * field.count}s"


@cache
def _packer(layout: Layout) -> struct.Struct:
    return struct.Struct("=" + "".join(_code(field) for field in layout.fields))


def _layout(name: str, *fields: str) -> Layout:
    """Fields written as `kind name` or `kind name*count`."""
    parsed = []
    for text in fields:
        kind, rest = text.split()
        field, _, count = rest.partition("*")
        parsed.append(Field(field, kind, int(count or 1)))
    return Layout(name, tuple(parsed))


LAYOUTS: tuple[Layout, ...] = (
    _layout("config", "u32 seed", "u16 udp_port", "u16 flags", "u32 tunnel_kind"),
    _layout("vap", "u32 bridge", "u32 slot", "u32 flags", "u32 bridge_flags"),
    _layout("mac_key", "u32 bridge", "mac mac", "u16 zero"),
    _layout("mac_value", "u32 nexthop", "u32 flags"),
    _layout("learned", "u64 last_seen_ns", "u32 where", "u32 kind"),
    _layout("target", "u32 tunnel", "u32 key"),
    _layout("nexthop", "u32 count", f"target targets*{FANOUT}"),
    _layout("path", "u32 ifindex", "mac src", "mac dst"),
    _layout("tunnel", "ip4 local", "ip4 remote", "u32 mtu", "u16 count", "u8 ttl", "u8 zero", f"path paths*{FANOUT}"),
    _layout("accept_key", "ip4 remote", "u32 key"),
    _layout("accept", "u32 bridge", "u32 group", "u32 nexthop", "u32 bridge_flags"),
    _layout("wire_key", "u32 bridge", "u32 bridge_flags"),
    _layout("member", "u32 group", "u32 ifindex", "u32 tunnel", "u32 key"),
    _layout("flood", "u32 count", "u32 ports", f"member members*{FLOOD_MEMBERS}"),
    _layout("source", "u32 bits", "ip4 address"),
    _layout("traffic", "u64 rx_packets", "u64 tx_packets", "u64 rx_octets", "u64 tx_octets"),
    _layout("event", "u32 kind", "u32 bridge", "mac mac", "u16 place_kind", "u32 where", "u32 zero"),
    _layout(
        "copying",
        *("u32 bridge", "u32 group", "u32 from_ifindex", "u32 pending", "u32 length", "u32 reason"),
        *("u8 frame*28", "u8 built*64"),
    ),
    _layout("age", "u64 seen_before_ns", "u32 bridge", "mac mac", "u16 zero", "u32 zero2"),
)
BY_NAME = {layout.name: layout for layout in LAYOUTS}

HASH, ARRAY, PROG_ARRAY, PERCPU_ARRAY, LPM_TRIE, RINGBUF = 1, 2, 3, 6, 11, 27
_NO_PREALLOC = 1


class MapSpec(Struct, frozen=True):
    """A BPF map. `key` and `value` are u32 | u64 | ip4 or layout names; empty for the ring buffer."""

    name: str
    type: int
    key: str
    value: str
    entries: int
    flags: int = 0
    shared: bool = False
    """Outlives its agent: a successor takes over the map itself, with what is in it."""

    @staticmethod
    def _size(kind: str) -> int:
        return {"": 0, "u8": 1, "u32": 4, "ip4": 4, "u64": 8}.get(kind) or (BY_NAME[kind].size if kind else 0)

    @property
    def key_octets(self) -> int:
        return self._size(self.key)

    @property
    def value_octets(self) -> int:
        return self._size(self.value)

    def c_source(self) -> str:
        """Only the symbol matters: the loader makes maps from this table and relocates by name."""
        return f'struct weft_map {self.name} SEC(".maps");'


# Hashes grow on demand: an agent with ten addresses should not hold memory for a quarter of a million.
MAPS: tuple[MapSpec, ...] = (
    MapSpec("config", ARRAY, "u32", "config", 1),
    MapSpec("vaps", HASH, "u32", "vap", PORTS, _NO_PREALLOC),
    MapSpec("macs", HASH, "mac_key", "mac_value", ADDRESSES, _NO_PREALLOC),
    MapSpec("learned", HASH, "mac_key", "learned", ADDRESSES, _NO_PREALLOC, shared=True),
    MapSpec("nexthops", ARRAY, "u32", "nexthop", NEXTHOPS),
    MapSpec("tunnels", ARRAY, "u32", "tunnel", TUNNELS),
    MapSpec("accepts", HASH, "accept_key", "accept", ADDRESSES, _NO_PREALLOC),
    MapSpec("wire_keys", HASH, "u32", "wire_key", NEXTHOPS, _NO_PREALLOC),
    MapSpec("locals", HASH, "ip4", "u32", 64, _NO_PREALLOC),
    MapSpec("sources", LPM_TRIE, "source", "u32", 1024, _NO_PREALLOC),
    MapSpec("floods", HASH, "u32", "flood", NEXTHOPS, _NO_PREALLOC),
    MapSpec("traffic", PERCPU_ARRAY, "u32", "traffic", PORTS),
    MapSpec("programs", PROG_ARRAY, "u32", "u32", 1),
    MapSpec("scratch", PERCPU_ARRAY, "u32", "copying", 1),
    MapSpec("counters", PERCPU_ARRAY, "u32", "u64", COUNTERS, shared=True),
    MapSpec("events", RINGBUF, "", "", 1 << 19, shared=True),
)


def c_header() -> str:
    """The generated header: constants, drop reasons, structs, maps, and the flow hash."""
    constants = {
        "FLOOD_MEMBERS": FLOOD_MEMBERS,
        "FANOUT": FANOUT,
        "TUNNELS": TUNNELS,
        "NEXTHOPS": NEXTHOPS,
        "KIND_PORT": KIND_PORT,
        "EVENT_LEARNED": EVENT_LEARNED,
        "EVENT_AGED": EVENT_AGED,
        "VAP_PEER": VAP_PEER,
        "BRIDGE_LEARN": BRIDGE_LEARN,
        "MAC_PINNED": MAC_PINNED,
        "CONFIG_STRICT": CONFIG_STRICT,
        "AGE_BATCH": AGE_BATCH,
        "PORT_GROUP": rows.PORT_GROUP,
        "MESH_GROUP": rows.MESH_GROUP,
        "VXLAN_PORT": vxlan.PORT,
        "UNDERLAY_OCTETS": tunnels.UNDERLAY_OCTETS,
        "OUTER_OCTETS": tunnels.OUTER_OCTETS,
        "MIN_DELIVERED_OCTETS": pipeline.MIN_DELIVERED_OCTETS,
        "LAST_SEEN_GRAIN_NS": int(pipeline.LAST_SEEN_GRAIN_S * 1e9),
    }
    parts = ["/* Generated from layout.py, drops.py and flowhash.py; do not edit. */", "#pragma once"]
    parts += [f"#define WEFT_{name} {value}" for name, value in constants.items()]
    parts += [f"#define DROP_{reason.name} {reason.value}" for reason in Drop]
    parts += [f"#define COUNT_{counter.name} {counter.value}" for counter in Counter]
    parts += [layout.c_source() for layout in LAYOUTS]
    parts += ["struct weft_map { int unused; };"]
    parts += [spec.c_source() for spec in MAPS]
    parts += [flowhash.c_source()]
    return "\n".join(parts) + "\n"


def layout_hash(program: bytes = b"") -> str:
    """Names the layout of what a successor may take over: the shared maps and their structs."""
    shared = [(m.name, m.type, m.key_octets, m.value_octets, m.entries, m.flags) for m in MAPS if m.shared]
    names = [(d.name, d.value) for d in (*Drop, *Counter)]
    structs = BY_NAME["learned"].c_source() + BY_NAME["event"].c_source() + BY_NAME["mac_key"].c_source()
    return hashlib.sha256(repr((shared, names, structs)).encode() + program).hexdigest()[:16]
