"""Tunnels counted: by hand on a few packets, and against the dissector on many."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest

from support.packets import V4, VTEPS, VTEPS6, frame, ip, mutate, seeds, stt, tunnels, udp
from weft.capture import EncapCode
from weft.capture import summary as summaries
from weft.capture.chosen import Choice
from weft.capture.formats import PAD_OCTETS
from weft.capture.reader import Block
from weft.capture.summary import Summary, Totals
from weft.wire.dissect import dissect
from weft.wire.encap.gre import Gre
from weft.wire.encap.vxlan_gbp import VxlanGbp


def block(parts: list[bytes]) -> Block:
    size = np.array([len(part) for part in parts], np.int64)
    octets = np.frombuffer(b"".join(parts) + bytes(PAD_OCTETS), np.uint8)
    ones = np.ones(len(parts), np.int32)
    return Block(1, octets, np.cumsum(size) - size, size, size, np.zeros(len(parts), np.int64), ones)


def summarise(packets: Iterable[bytes], pieces: int = 1, choice: Choice | None = None) -> list[Totals]:
    parts = list(packets)
    summary = Summary(choice)
    for start in range(0, len(parts), -(-len(parts) // pieces)):
        one = block(parts[start : start + -(-len(parts) // pieces)])
        summary.add(one, one.columns())
    return summary.totals()


def vxlan(vni: int, inner: bytes, pair: tuple = VTEPS) -> bytes:  # type: ignore[type-arg]
    return frame(*ip(17, udp(50000, 4789, VxlanGbp(vni).pack() + inner), pair))


FLOWS = [frame(*ip(17, udp(1000 + n, 2000, bytes(50)))) for n in range(5)]


def test_a_tunnel_has_its_packets_octets_overhead_flows_and_errors() -> None:
    broken = bytearray(vxlan(5, FLOWS[0]))
    broken[42] = 0  # the I flag
    found = summarise([vxlan(5, inner) for inner in [*FLOWS, *FLOWS]] + [bytes(broken), FLOWS[0]])
    plain, tunnel = found
    assert (plain.level, plain.encap, plain.packets, plain.octets) == (0, None, 1, len(FLOWS[0]))
    assert (tunnel.level, tunnel.source, tunnel.destination) == (1, *VTEPS)
    assert (tunnel.encap, tunnel.key) == (EncapCode.VXLAN, 5)
    assert (tunnel.packets, tunnel.octets) == (11, 11 * (50 + len(FLOWS[0])))
    assert (tunnel.overhead_octets, tunnel.inner_flows, tunnel.errors) == (11 * 50, 5, 1)


def test_directions_keys_encapsulations_and_levels_are_told_apart() -> None:
    packets = [
        vxlan(5, FLOWS[0]),
        vxlan(6, FLOWS[0]),
        vxlan(5, FLOWS[0], VTEPS[::-1]),
        vxlan(5, FLOWS[0], VTEPS6),
        *tunnels(FLOWS[0]),
        vxlan(5, vxlan(5, FLOWS[0])),
    ]
    found = summarise(packets)
    labels = [(one.level, one.source, one.destination, one.encap, one.key) for one in found]
    assert len(labels) == len(set(labels))
    assert sum(one.packets for one in found if one.level == 1) == len(packets)
    assert sum(one.packets for one in found if one.level == 2) == 1


def test_ip_in_gre_costs_no_ethernet_header() -> None:
    (total,) = summarise([frame(*ip(47, Gre(0x0800).pack() + FLOWS[0][14:], VTEPS))])
    assert total.overhead_octets == 24
    assert total.key is None


def test_later_stt_segments_cost_their_headers() -> None:
    inner = frame(*ip(17, udp(1, 2, bytes(1000))))
    pieces = stt(inner, most=520)
    found = summarise(frame(*ip(6, piece, VTEPS)) for piece in pieces)
    costs = {one.key: one.overhead_octets for one in found}
    assert costs == {5001: 72, None: 54 * (len(pieces) - 1)}


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_the_sums_do_not_depend_on_the_blocks(pieces: int) -> None:
    packets = seeds(3)
    assert summarise(packets, pieces) == summarise(packets)


def test_broken_packets_are_counted_as_the_dissector_sees_them() -> None:
    draw = random.Random(5)
    packets = [mutate(draw, draw.choice(seeds(5))) for _ in range(300)]
    expected: Counter[tuple[str, object]] = Counter()
    for packet in packets:
        layers = dissect(packet, gre_key_as="nvgre").layers
        first = next(
            (layer for layer in layers if str(layer["layer"]) in ("vxlan", "geneve", "gre", "nvgre", "stt")), None
        )
        if first is not None:
            key = next(first[word] for word in ("vni", "vsid", "key", "context_id") if word in first)
            expected[str(first["layer"]), key] += 1
    counted: Counter[tuple[str, object]] = Counter()
    for one in summarise(packets):
        if one.level == 1 and one.encap:
            counted[one.encap.name.lower(), one.key] += one.packets
    assert counted == expected


def test_a_choice_counts_only_what_it_chooses() -> None:
    found = summarise([vxlan(5, FLOWS[0]), vxlan(6, FLOWS[0]), FLOWS[0]], choice=Choice(key=6))
    assert [(one.key, one.packets) for one in found] == [(6, 1)]


def test_too_many_tunnels_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "MOST_TUNNELS", 10)
    found = summarise([vxlan(vni, FLOWS[0]) for vni in range(50)] * 2, pieces=4)
    assert len(found) <= 12
    assert sum(one.packets for one in found) == 100
    assert any(one.encap is None and one.level == 1 and one.packets >= 80 for one in found)


def test_too_many_flows_are_said_to_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "MOST_FLOWS", 100)
    monkeypatch.setattr(summaries, "_MERGE_AT", 1)
    summary = Summary()
    for start in range(0, 1000, 100):
        inner = [frame(*ip(17, udp(start + n, 9), V4)) for n in range(100)]
        one = block([vxlan(5, packet) for packet in inner])
        summary.add(one, one.columns())
    assert not summary.flows_complete
