"""The flow hash: what goes into it, how it spreads, and that it never changes by accident."""

from __future__ import annotations

import struct
from collections import Counter

import pytest

from support.frames import arp_request, eth, mac, udp4
from weft.forwarding import flowhash
from weft.wire import ethernet

A, B = mac(1), mac(2)


def ipv6(next_header: int, payload: bytes) -> bytes:
    header = struct.pack("!IHBB", 0x60000000, len(payload), next_header, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"
    return eth(A, B, ethernet.IPV6, header + payload)


def test_known_values_stand_so_that_nodes_of_different_versions_agree() -> None:
    """A change here changes the path of every flow in a running network: it must be meant."""
    assert flowhash.flow_hash(udp4(A, B)) == 0x63A7EBD9
    assert flowhash.flow_hash(arp_request(A)) == 0xEFDFC5EF
    assert flowhash.flow_hash(ipv6(17, b"\0\1\0\2rest")) == 0xC096D234


def test_ports_count_for_whole_packets_and_not_for_fragments() -> None:
    whole = [udp4(A, B, sport=number) for number in (1, 2)]
    assert flowhash.flow_hash(whole[0]) != flowhash.flow_hash(whole[1])
    fragments = [frame[:20] + b"\x20\0" + frame[22:] for frame in whole]
    assert flowhash.flow_hash(fragments[0]) == flowhash.flow_hash(fragments[1])


def test_ipv6_ports_count_only_directly_behind_the_header() -> None:
    ports = [b"\0\1\0\2", b"\0\3\0\2"]
    direct, behind = ([flowhash.flow_hash(ipv6(kind, port)) for port in ports] for kind in (17, 44))
    assert direct[0] != direct[1]
    assert behind[0] == behind[1]


def test_a_frame_cut_before_its_ports_is_hashed_without_them() -> None:
    frame = udp4(A, B)[:36]
    assert flowhash.flow_words(frame)[2] == 0


def test_the_seed_changes_the_hash() -> None:
    assert flowhash.flow_hash(udp4(A, B), seed=1) != flowhash.flow_hash(udp4(A, B), seed=2)


@pytest.mark.parametrize("links", [2, 3, 8])
def test_flows_spread_evenly_over_paths_targets_and_ports(links: int) -> None:
    """4096 flows that differ only in the source port: no link is more than 15 % off its share."""
    flows = [flowhash.flow_hash(udp4(A, B, sport=1024 + number)) for number in range(4096)]
    for choose in (flowhash.path_index, flowhash.target_index):
        loads = Counter(choose(flow, links) for flow in flows)
        assert set(loads) == set(range(links))
        assert max(abs(load - 4096 / links) for load in loads.values()) < 0.15 * 4096 / links
    ports = {flowhash.source_port(flow) for flow in flows}
    assert min(ports) >= 49152
    assert len(ports) > 3400  # 4096 draws from 16384: 3625 are expected to differ


def test_path_and_port_are_independent() -> None:
    """A switch behind the first choice hashes the port; if both followed the same bits, links would stay idle."""
    flows = [flowhash.flow_hash(udp4(A, B, sport=number)) for number in range(4096)]
    on_first = [flowhash.source_port(flow) & 1 for flow in flows if flowhash.path_index(flow, 2) == 0]
    assert 0.45 < sum(on_first) / len(on_first) < 0.55


def test_the_c_source_has_every_step_of_the_table() -> None:
    source = flowhash.c_source()
    for step, argument in (*flowhash.WORD_STEPS, *flowhash.FINAL_STEPS):
        assert (f"h *= {argument:#x};" if step == "multiply" else f"h ^= h >> {argument};") in source
