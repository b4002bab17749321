"""Packets for people: layers, pieces put together, and the choice of packets."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest

from support.packets import V4, VTEPS, frame, ip, stt, tcp, tunnels, udp
from weft.capture import EncapCode
from weft.capture.chosen import Choice
from weft.capture.formats import PAD_OCTETS
from weft.capture.items import Item, Itemiser
from weft.capture.reader import Block
from weft.values import Prefix
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.vxlan_gbp import VxlanGbp

INNER = frame(*ip(17, udp(1000, 2000, bytes(range(200)))))


def block(packets: Iterable[bytes], link: int = 1, missing: int = 0) -> Block:
    parts = list(packets)
    size = np.array([len(part) for part in parts], np.int64)
    octets = np.frombuffer(b"".join(parts) + bytes(PAD_OCTETS), np.uint8)
    times = np.arange(len(parts)) * 1000
    return Block(1, octets, np.cumsum(size) - size, size, size + missing, times, np.full(len(parts), link, np.int32))


def items(packets: Iterable[bytes], choice: Choice | None = None, keys: str = "both", link: int = 1) -> list[Item]:
    return list(Itemiser(choice or Choice(), 8, keys).items(block(packets, link)))


def names(item: Item) -> list[object]:
    return [layer["layer"] for layer in item.layers]


def fragments(packet: bytes, size: int) -> list[bytes]:
    """An Ethernet frame with IPv4, in fragments of `size` octets."""
    body = packet[34:]
    return [
        frame(*ip(packet[23], body[at : at + size], V4, mf=at + size < len(body), fragment_offset=at, id=5))
        for at in range(0, len(body), size)
    ]


def test_a_packet_has_its_number_time_length_and_layers() -> None:
    first, second = items([INNER, tunnels(INNER)[0]])
    assert (first.frame, first.time_ns, first.length, first.error) == (1, 0, len(INNER), None)
    assert (second.frame, second.time_ns) == (2, 1000)
    assert names(second) == ["ethernet", "ipv4", "udp", "vxlan", "ethernet", "ipv4", "udp"]


def test_keyed_ethernet_in_gre_is_shown_in_the_reading_that_was_asked_for() -> None:
    packet = frame(*ip(47, Nvgre(5009, 66).pack() + INNER, VTEPS))
    assert names(items([packet], keys="both")[0])[2:4] == ["gre", "nvgre"]
    assert names(items([packet], keys="nvgre")[0])[2:4] == ["nvgre", "ethernet"]
    assert names(items([packet], keys="plain")[0])[2:4] == ["gre", "ethernet"]


@pytest.mark.parametrize("seed", range(3))
def test_the_last_stt_segment_to_come_shows_the_whole_frame(seed: int) -> None:
    pieces = [frame(*ip(6, piece, VTEPS)) for piece in stt(INNER, most=100)]
    random.Random(seed).shuffle(pieces)
    found = items(pieces)
    assert len(found) == len(pieces) > 2
    whole = ["ethernet", "ipv4", "stt", "ethernet", "ipv4", "udp"]
    assert names(found[-1]) == whole
    assert found[-1].layers[2]["context_id"] == 5001
    assert found[-1].layers[2]["frame_length"] == 18 + len(INNER)
    assert found[-1].error is None
    assert all(names(item)[:3] == whole[:3] for item in found)


def test_the_last_fragment_shows_the_whole_packet() -> None:
    found = items(fragments(tunnels(INNER)[0], 64))
    assert [names(item)[:2] for item in found] == [["ethernet", "ipv4"]] * len(found)
    assert names(found[-1]) == ["ethernet", "ipv4", "udp", "vxlan", "ethernet", "ipv4", "udp"]
    assert found[-1].layers[3]["vni"] == 5001
    assert found[-1].error is None


def test_fragments_inside_a_tunnel_keep_the_outer_layers() -> None:
    parts = [frame(*ip(17, udp(50000, 4789, VxlanGbp(9).pack() + part), VTEPS)) for part in fragments(INNER, 80)]
    found = items(parts)
    assert names(found[-1]) == ["ethernet", "ipv4", "udp", "vxlan", "ethernet", "ipv4", "udp"]
    assert found[-1].layers[1]["src"] == str(VTEPS[0])
    assert found[-1].layers[6] == {"layer": "udp", "sport": 1000, "dport": 2000}


def test_stt_in_fragments_is_put_together_twice() -> None:
    pieces = [frame(*ip(6, piece, V4)) for piece in stt(INNER, most=150)]
    found = items([part for piece in pieces for part in fragments(piece, 64)])
    assert names(found[-1])[-3:] == ["ethernet", "ipv4", "udp"]


def test_a_missing_segment_leaves_the_others_as_they_are() -> None:
    pieces = [frame(*ip(6, piece, VTEPS)) for piece in stt(INNER, most=100)]
    found = items(pieces[:1] + pieces[2:])
    assert len(found) == len(pieces) - 1
    assert names(found[-1]) == ["ethernet", "ipv4", "stt"]


def test_a_packet_that_the_capture_cut_is_no_error() -> None:
    whole = tunnels(INNER)[0]
    cut = list(Itemiser(Choice(), 8, "both").items(block([whole[:60]], missing=len(whole) - 60)))
    assert cut[0].error is None
    assert items([whole[:60]])[0].error is not None


def test_raw_ip_and_unknown_links() -> None:
    assert names(items([INNER[14:]], link=101)[0]) == ["ipv4", "udp"]
    assert items([INNER], link=147)[0].error == "link type 147 is not known"


OTHER = frame(*ip(6, tcp(1, 2), (V4[0], Prefix.parse("10.9.9.9").ip)))
TRACE = [
    INNER,
    frame(*ip(17, udp(50000, 4789, VxlanGbp(7).pack() + INNER), VTEPS)),
    frame(*ip(17, udp(50000, 4789, VxlanGbp(8).pack() + OTHER), VTEPS)),
    frame(*ip(47, Nvgre(7, 1).pack() + INNER, VTEPS)),
    frame(*ip(47, Nvgre(7, 1).pack() + OTHER, (VTEPS[1], Prefix.parse("192.0.2.9").ip))),
]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), [1, 2, 3, 4, 5]),
        (Choice(key=7), [2, 4, 5]),
        (Choice(key=7 << 8 | 1), [4, 5]),
        (Choice(encap=EncapCode.VXLAN), [2, 3]),
        (Choice(encap=EncapCode.NVGRE), [4, 5]),
        (Choice(encap=EncapCode.GRE), [4, 5]),
        (Choice(key=7, encap=EncapCode.VXLAN), [2]),
        (Choice(vtep=Prefix.parse("192.0.2.9")), [5]),
        (Choice(vtep=Prefix.parse("192.0.2.0/29")), [2, 3, 4, 5]),
        (Choice(tenant=Prefix.parse("10.9.9.9")), [3, 5]),
        (Choice(key=7, tenant=Prefix.parse("10.9.0.0/16")), [5]),
        (Choice(tenant=Prefix.parse("192.0.2.1")), []),
        (Choice(tenant=Prefix.parse("::/0")), []),
    ],
)
def test_a_choice_takes_packets_by_their_tunnels_and_tenants(choice: Choice, expected: list[int]) -> None:
    assert [item.frame for item in items(TRACE, choice)] == expected


def test_one_reading_finds_no_keys_of_the_other() -> None:
    assert [item.frame for item in items(TRACE, Choice(key=7), "plain")] == [2]
    assert [item.frame for item in items(TRACE, Choice(encap=EncapCode.GRE), "nvgre")] == []


def test_a_frame_in_segments_is_chosen_by_what_is_inside() -> None:
    pieces = [frame(*ip(6, piece, VTEPS)) for piece in stt(INNER, most=100)]
    found = items([*pieces, OTHER], Choice(tenant=Prefix.parse("10.0.0.2")))
    assert found[-1].frame == len(pieces)
    assert names(found[-1])[-1] == "udp"
