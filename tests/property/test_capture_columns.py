"""Columns against the dissector, packet by packet: two decoders that share no reading code must see the same."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from support.packets import mutate, seeds
from weft.capture import NO_KEY, Columns, Fault, Reading, decode
from weft.capture.formats import PAD_OCTETS
from weft.values import Ip
from weft.wire.dissect import dissect

TUNNELS = {"vxlan": 1, "vxlan-gpe": 1, "gre": 2, "nvgre": 3, "geneve": 4, "stt": 5}
NOTHING = (-1, 0, None, None, -1, -1, -1, 0, None)
Seen = tuple[object, ...]


def columns_of(packets: list[bytes], depth: int = 8, reading: Reading = Reading.NVGRE) -> Columns:
    lengths = np.array([len(packet) for packet in packets], np.int64)
    octets = np.frombuffer(b"".join(packets) + bytes(PAD_OCTETS), np.uint8)
    ethernet = np.ones(len(packets), np.int32)
    return decode(octets, np.cumsum(lengths) - lengths, lengths, lengths, ethernet, depth, reading)


def address(version: int, pair: np.ndarray) -> str | None:
    high, low = (int(half) for half in pair)
    if version == 4:
        return str(Ip(low.to_bytes(4, "big")))
    return str(Ip((high << 64 | low).to_bytes(16, "big"))) if version else None


def seen_by_columns(columns: Columns, packets: int) -> list[list[Seen]]:
    found: list[list[Seen]] = [[] for _ in range(packets)]
    for level in columns.levels:
        for place, row in enumerate(level.row.tolist()):
            version = int(level.version[place])
            ports = int(level.protocol[place]) in (6, 17)
            found[row].append(
                (
                    int(level.vlan[place]),
                    version,
                    address(version, level.source[place]),
                    address(version, level.destination[place]),
                    int(level.protocol[place]),
                    int(level.sport[place]) if ports else -1,
                    int(level.dport[place]) if ports else -1,
                    int(level.encap[place]),
                    None if int(level.key[place]) == NO_KEY else int(level.key[place]),
                )
            )
    return found


def seen_by_dissector(packet: bytes, depth: int, reading: str) -> tuple[list[Seen], str | None, bool]:
    """(levels, error, whether a part may be missing). What columns do not look into ends the list: MPLS, IP in IP,
    Ethernet in Ethernet."""
    result = dissect(packet, depth=depth, gre_key_as=reading)
    levels: list[Seen] = []
    current = list(NOTHING)
    begun = partial = False
    for layer in result.layers:
        name = layer["layer"]
        if name == "mpls" or (name in ("ipv4", "ipv6") and current[1]) or (name == "ethernet" and begun):
            break
        begun = begun or name in ("ethernet", "vlan")
        if name == "vlan" and current[0] == -1:
            current[0] = layer["vid"]
        elif name in ("ipv4", "ipv6"):
            protocol = layer["protocol"]
            current[1:5] = [4 if name == "ipv4" else 6, layer["src"], layer["dst"], protocol]
            partial = partial or bool(layer["mf"] or layer["fragment_offset"])
        elif name in ("udp", "tcp"):
            current[5:7] = layer["sport"], layer["dport"]
        elif name in TUNNELS:
            key = next((layer[word] for word in ("vni", "vsid", "key", "context_id") if word in layer), None)
            current[7:9] = TUNNELS[str(name)], key
            if name == "stt":
                current[5:7] = layer["sport"], 7471
                partial = True
            levels.append(tuple(current))
            current, begun = list(NOTHING), False
    levels.append(tuple(current))
    return levels, result.error, partial


def compare(packets: list[bytes], depth: int = 8, reading: Reading = Reading.NVGRE) -> None:
    columns = columns_of(packets, depth, reading)
    for packet, ours, fault in zip(
        packets, seen_by_columns(columns, len(packets)), columns.fault.tolist(), strict=True
    ):
        theirs, error, partial = seen_by_dissector(packet, depth, reading.value)
        length = max(len(ours), len(theirs))
        ours = ours + [NOTHING] * (length - len(ours))
        theirs = theirs + [NOTHING] * (length - len(theirs))
        assert ours == theirs, packet.hex()
        assert not fault or error or (partial and fault == Fault.TRUNCATED), (Fault(fault), packet.hex())


@pytest.mark.parametrize("reading", list(Reading))
@pytest.mark.parametrize("depth", [0, 1, 8])
def test_columns_of_well_formed_packets_are_what_the_dissector_sees(depth: int, reading: Reading) -> None:
    compare(seeds(1), depth, reading)


def test_well_formed_packets_have_no_fault() -> None:
    columns = columns_of(seeds(2))
    assert not columns.fault.any()
    assert columns.nesting.max() == 3


@pytest.mark.parametrize("seed", range(5))
def test_columns_of_broken_packets_are_what_the_dissector_sees(seed: int) -> None:
    draw = random.Random(seed)
    pool = seeds(seed)
    compare([mutate(draw, draw.choice(pool)) for _ in range(10_000)])


@pytest.mark.long
def test_columns_of_a_million_broken_packets_are_what_the_dissector_sees() -> None:
    """A fresh seed each time; WEFT_SEED repeats one."""
    seed = int(os.environ.get("WEFT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"WEFT_SEED={seed}")
    draw = random.Random(seed)
    for _ in range(100):
        pool = seeds(draw.randrange(1 << 30))
        compare([mutate(draw, draw.choice(pool)) for _ in range(10_000)])
