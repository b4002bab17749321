"""The contract: what every data plane does with a frame, story by story. The picture is in support/topology.py."""

from __future__ import annotations

from typing import Any

import pytest

from support.frames import arp_request, eth, mac, udp4
from support.planes import Bench, outcome_of
from support.topology import (
    ALLOWED,
    BLUE,
    EITHER_HOST,
    FAR,
    FAR_HOST,
    LOCAL,
    LOST_HOST,
    NEAR,
    PINNED_HOST,
    RED,
    REMOTE_HOST,
    STRANGER,
    snapshot,
    vxlan_packet,
)
from weft.forwarding import pipeline
from weft.forwarding.drops import Drop
from weft.forwarding.facts import MacLearned, Place
from weft.values import BROADCAST, Mac
from weft.wire import ethernet, ipv4
from weft.wire.checksum import checksum

HOST_A, HOST_B = mac(0x101), mac(0x102)


def tunnelled(bench: Bench, inner: bytes, **outer: Any) -> bytes:
    """A VXLAN packet as it arrives on the first underlay interface; `outer` as for `vxlan_packet`."""
    return vxlan_packet(inner, bench.interfaces, **outer)


def check(bench: Bench, rows: object, ifindex: int, *frames: bytes) -> pipeline.Result:
    """Run the frames through the plane and the pipeline side by side; return the pipeline's last answer."""
    assert isinstance(rows, pipeline.Snapshot)
    bench.load(rows)
    state = pipeline.State()
    result = pipeline.Result(state)
    for frame in frames:
        result = pipeline.step(state, rows, ifindex, frame, now=0.0)
        state = result.state
        assert bench.inject(ifindex, frame) == outcome_of(result)
    learned = {(entry.bridge, entry.mac, entry.place) for entry in bench.plane.learned()}
    assert learned == {(entry.bridge, entry.mac, entry.place) for entry in state.learned.values()}
    return result


def test_a_frame_for_a_remote_host_leaves_in_vxlan(bench: Bench) -> None:
    rows = snapshot(bench.interfaces)
    result = check(bench, rows, bench.interfaces.ports[0], udp4(FAR_HOST, HOST_A))
    (output,) = result.outputs
    assert output.octets[50:] == udp4(FAR_HOST, HOST_A)
    assert output.octets[26:34] == LOCAL.octets + FAR.octets


def test_frames_of_one_flow_take_one_path_and_many_flows_take_both(bench: Bench) -> None:
    rows = snapshot(bench.interfaces)
    port = bench.interfaces.ports[0]
    flows = [udp4(REMOTE_HOST, HOST_A, sport=number) for number in range(1000, 1032)]
    paths = {check(bench, rows, port, flow, flow).outputs[0].ifindex for flow in flows}
    assert paths == set(bench.interfaces.underlay)


def test_a_next_hop_with_two_targets_uses_each_with_its_own_key(bench: Bench) -> None:
    rows = snapshot(bench.interfaces)
    seen = set()
    for number in range(32):
        result = check(bench, rows, bench.interfaces.ports[0], udp4(EITHER_HOST, HOST_A, sport=number))
        octets = result.outputs[0].octets
        seen.add((octets[30:34], int.from_bytes(octets[46:49], "big")))
    assert seen == {(NEAR.octets, RED), (FAR.octets, 7777)}


@pytest.mark.parametrize("frame", [arp_request(HOST_A), udp4(BROADCAST, HOST_A), udp4(mac(0x999), HOST_A)])
def test_broadcast_and_unknown_frames_go_to_every_member_but_the_sender(bench: Bench, frame: bytes) -> None:
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.ports[0], frame)
    assert len(result.outputs) == 3
    assert result.outputs[0].ifindex == bench.interfaces.ports[1]


def test_a_network_with_nobody_else_says_so(bench: Bench) -> None:
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.ports[2], arp_request(HOST_A))
    assert result.drop is Drop.NO_DESTINATION


def test_addresses_are_learned_on_ports_and_reported_once(bench: Bench) -> None:
    ports = bench.interfaces.ports
    rows = snapshot(bench.interfaces)
    bench.load(rows)
    for _ in range(3):
        bench.inject(ports[0], arp_request(HOST_A))
    bench.inject(ports[1], arp_request(HOST_A))
    assert bench.plane.facts() == [
        MacLearned(RED, HOST_A, Place(ifindex=ports[0])),
        MacLearned(RED, HOST_A, Place(ifindex=ports[1])),
    ]
    assert bench.plane.facts() == []


def test_a_learned_address_is_switched_locally_and_never_back(bench: Bench) -> None:
    ports = bench.interfaces.ports
    rows = snapshot(bench.interfaces)
    bench.load(rows)
    bench.inject(ports[1], arp_request(HOST_B))
    there = bench.inject(ports[0], udp4(HOST_B, HOST_A))
    assert (there.ifindex, there.octets) == (ports[1], udp4(HOST_B, HOST_A))
    assert bench.inject(ports[1], udp4(HOST_B, HOST_A)).drop is Drop.SAME_PORT


def test_a_pinned_address_is_not_learned_elsewhere(bench: Bench) -> None:
    check(bench, snapshot(bench.interfaces), bench.interfaces.ports[0], arp_request(PINNED_HOST))
    assert bench.plane.learned() == []
    assert bench.plane.facts() == []


def test_a_learned_port_that_left_the_network_gets_nothing(bench: Bench) -> None:
    ports = bench.interfaces.ports
    rows = snapshot(bench.interfaces)
    bench.load(rows)
    bench.inject(ports[1], arp_request(HOST_B))
    moved = [row for row in rows.rows() if row != rows.table(pipeline.Vap)[ports[1]]]
    bench.load(pipeline.Snapshot.of([*moved, pipeline.Vap(ports[1], BLUE, "p2", peer_reachable=False)]))
    assert bench.inject(ports[0], udp4(HOST_B, HOST_A)).drop is Drop.NO_DESTINATION


BAD_FRAMES = {
    Drop.TAGGED_FRAME: eth(REMOTE_HOST, HOST_A, 0x8100, b"\0\x2a\x08\0" + bytes(50)),
    Drop.BAD_SOURCE_MAC: udp4(REMOTE_HOST, BROADCAST),
    Drop.LINK_LOCAL_GROUP: eth(Mac.parse("01:80:c2:00:00:0e"), HOST_A, 0x88CC, bytes(50)),
    Drop.NO_UNDERLAY_PATH: udp4(LOST_HOST, HOST_A),
    Drop.TOO_BIG: udp4(REMOTE_HOST, HOST_A, bytes(1423)),
}


@pytest.mark.parametrize("reason", BAD_FRAMES, ids=lambda reason: reason.word)
def test_a_frame_that_cannot_go_is_dropped_with_its_reason_and_counted(bench: Bench, reason: Drop) -> None:
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.ports[0], BAD_FRAMES[reason])
    assert result.drop is reason
    assert bench.plane.drops()[reason] == 1
    assert sum(bench.plane.drops().values()) == 1


def test_the_largest_frame_that_fits_goes(bench: Bench) -> None:
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.ports[0], udp4(REMOTE_HOST, HOST_A, bytes(1422)))
    assert len(result.outputs[0].octets) == 14 + 1500


def test_a_frame_out_of_a_tunnel_reaches_the_port_of_its_address(bench: Bench) -> None:
    rows, ports = snapshot(bench.interfaces), bench.interfaces.ports
    bench.load(rows)
    bench.inject(ports[0], arp_request(HOST_A))
    for inner in (udp4(HOST_A, REMOTE_HOST), arp_request(REMOTE_HOST, HOST_A)):
        out = bench.inject(bench.interfaces.underlay[0], tunnelled(bench, inner))
        assert (out.ifindex, out.octets) == (ports[0], inner)


def test_broadcast_out_of_a_tunnel_reaches_ports_and_no_tunnel(bench: Bench) -> None:
    packet = tunnelled(bench, arp_request(REMOTE_HOST))
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet)
    assert [output.ifindex for output in result.outputs] == list(bench.interfaces.ports[:2])


def test_split_horizon_a_frame_never_goes_from_tunnel_to_tunnel(bench: Bench) -> None:
    packet = tunnelled(bench, udp4(FAR_HOST, REMOTE_HOST))
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet)
    assert result.drop is Drop.SPLIT_HORIZON


def test_a_tiny_frame_out_of_a_tunnel_is_padded_with_zeros(bench: Bench) -> None:
    tiny = eth(BROADCAST, REMOTE_HOST, 0x88B5, b"\x01\x02")
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], tunnelled(bench, tiny))
    assert result.outputs[0].octets == tiny + bytes(18)


def test_octets_behind_the_outer_packet_are_not_delivered(bench: Bench) -> None:
    packet = tunnelled(bench, arp_request(REMOTE_HOST)) + b"trailer"
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet)
    assert result.outputs[0].octets == arp_request(REMOTE_HOST)


def test_addresses_are_learned_from_tunnels_only_where_rows_say_so(bench: Bench) -> None:
    packet = tunnelled(bench, arp_request(mac(0x777)))
    check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet)
    assert bench.plane.learned() == []
    check(bench, snapshot(bench.interfaces, learn_from_tunnels=True), bench.interfaces.underlay[0], packet)
    (entry,) = bench.plane.learned()
    assert (entry.mac, entry.place) == (mac(0x777), Place(nexthop=1))
    out = bench.inject(bench.interfaces.ports[0], udp4(mac(0x777), HOST_A))
    assert out.octets[30:34] == NEAR.octets


def _refused(bench: Bench) -> dict[Drop, bytes]:
    inner = udp4(HOST_A, REMOTE_HOST)
    good = bytearray(tunnelled(bench, inner))

    def changed(at: int, value: int) -> bytes:
        packet = bytearray(good)
        packet[at] = value
        return bytes(packet)

    def with_good_sum(packet: bytes) -> bytes:
        bare = packet[:24] + b"\0\0" + packet[26:]
        return packet[:24] + checksum(bare[14:34]).to_bytes(2, "big") + packet[26:]

    options = (
        bytes(good[:14])
        + ipv4.Ipv4(
            src=NEAR, dst=LOCAL, protocol=17, total_length=len(good) - 10, df=True, options=b"\x01\x01\x01\0"
        ).pack()
    )
    return {
        Drop.UNKNOWN_VTEP: tunnelled(bench, inner, src=STRANGER),
        Drop.UNKNOWN_VNI: tunnelled(bench, inner, vni=4242),
        Drop.VXLAN_NO_VNI: tunnelled(bench, inner, flags=0),
        Drop.OUTER_FRAGMENT: with_good_sum(changed(20, 0x20)),
        Drop.OUTER_CHECKSUM: changed(24, good[24] ^ 1),
        Drop.OUTER_LENGTH: changed(39, good[39] + 1),
        Drop.OUTER_OPTIONS: options + bytes(good[34:]),
        Drop.INNER_TRUNCATED: tunnelled(bench, eth(HOST_A, REMOTE_HOST, ethernet.IPV6, bytes(39))),
        Drop.RUNT_FRAME: tunnelled(bench, bytes(13)),
        Drop.TAGGED_FRAME: tunnelled(bench, BAD_FRAMES[Drop.TAGGED_FRAME]),
        Drop.ECN_INVALID: tunnelled(bench, inner, tos=3),
    }


REFUSED = (
    Drop.UNKNOWN_VTEP,
    Drop.UNKNOWN_VNI,
    Drop.VXLAN_NO_VNI,
    Drop.OUTER_FRAGMENT,
    Drop.OUTER_CHECKSUM,
    Drop.OUTER_LENGTH,
    Drop.OUTER_OPTIONS,
    Drop.INNER_TRUNCATED,
    Drop.RUNT_FRAME,
    Drop.TAGGED_FRAME,
    Drop.ECN_INVALID,
)


@pytest.mark.parametrize("reason", REFUSED, ids=lambda reason: reason.word)
def test_the_tunnel_is_closed_and_says_why(bench: Bench, reason: Drop) -> None:
    packet = _refused(bench)[reason]
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet)
    assert result.drop is reason
    assert bench.plane.drops()[reason] == 1


def test_a_vtep_of_another_network_is_refused(bench: Bench) -> None:
    packet = tunnelled(bench, udp4(HOST_A, REMOTE_HOST), src=FAR, vni=BLUE)
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet)
    assert result.drop is Drop.UNKNOWN_VTEP


def test_an_allowed_source_is_let_in_but_nothing_is_learned_from_it(bench: Bench) -> None:
    rows = snapshot(bench.interfaces, learn_from_tunnels=True)
    packet = tunnelled(bench, arp_request(mac(0x777)), src=ALLOWED)
    result = check(bench, rows, bench.interfaces.underlay[0], packet)
    assert len(result.outputs) == 2
    assert bench.plane.learned() == []


def test_reserved_vxlan_bits_are_ignored_unless_strict(bench: Bench) -> None:
    packet = tunnelled(bench, arp_request(REMOTE_HOST), flags=0x88)
    assert check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet).drop is None
    strict = check(bench, snapshot(bench.interfaces, strict=True), bench.interfaces.underlay[0], packet)
    assert strict.drop is Drop.VXLAN_RESERVED


def test_what_is_not_for_the_tunnel_port_is_left_to_the_host(bench: Bench) -> None:
    rows, underlay = snapshot(bench.interfaces), bench.interfaces.underlay[0]
    other_host = tunnelled(bench, arp_request(REMOTE_HOST), dst=STRANGER)
    other_port = bytearray(tunnelled(bench, arp_request(REMOTE_HOST)))
    other_port[37] ^= 1
    for packet in (other_host, bytes(other_port), arp_request(mac(0xF0)), bytes(20)):
        assert check(bench, rows, underlay, packet).passed


def test_nothing_arrives_on_a_closed_port(bench: Bench) -> None:
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.closed, arp_request(HOST_A))
    assert result.drop is Drop.NOT_UNDERLAY


ECN_NAMES = {0: "not-ect", 1: "ect1", 2: "ect0", 3: "ce"}


@pytest.mark.parametrize("outer", ECN_NAMES, ids=ECN_NAMES.get)
@pytest.mark.parametrize("inner", ECN_NAMES, ids=ECN_NAMES.get)
def test_congestion_marks_cross_the_tunnel(bench: Bench, inner: int, outer: int) -> None:
    """RFC 6040 section 4.2, all sixteen cases, and the inner IPv4 checksum stays right."""
    frame = udp4(BROADCAST, REMOTE_HOST, tos=0x28 | inner)
    packet = tunnelled(bench, frame, tos=outer)
    result = check(bench, snapshot(bench.interfaces), bench.interfaces.underlay[0], packet)
    if result.outputs:
        ipv4.Ipv4.parse(result.outputs[0].octets, 14)
    sent = check(bench, snapshot(bench.interfaces), bench.interfaces.ports[0], udp4(FAR_HOST, HOST_A, tos=0x28 | inner))
    assert sent.outputs[0].octets[15] == inner
