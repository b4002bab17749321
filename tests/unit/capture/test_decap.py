"""Tunnels come off: what is left is the frame that went in."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from support.captures import pcap, pcapng, timed
from support.packets import V4, VTEPS, frame, ip, stt, tcp, tenant_frames, tunnels, udp
from weft.capture import open_capture
from weft.capture.decap import Decapsulator
from weft.capture.pcap import file_header
from weft.wire.checksum import is_valid_behind_ip
from weft.wire.encap.gre import Gre
from weft.wire.encap.stt import IPV4 as STT_IPV4
from weft.wire.encap.stt import PARTIAL, TCP, Stt
from weft.wire.encap.stt_frame import segments
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.vlan import Vlan

TENANTS = [packet for packet in tenant_frames() if packet[12:14] == b"\x08\x00"]


def decap(tmp_path: Path, octets: bytes, every: bool = False) -> tuple[list[tuple[int, bytes]], dict[str, int]]:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(octets)
    work = Decapsulator(every)
    with open_capture(source) as capture, target.open("wb") as file:
        file.write(file_header())
        for block in capture.blocks():
            file.write(work.records(block).data)
    with open_capture(target) as capture:
        return list(capture), dict(work.counts)


def vxlan(inner: bytes, vni: int = 5) -> bytes:
    return frame(*ip(17, udp(50000, 4789, VxlanGbp(vni).pack() + inner), VTEPS))


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_the_frame_that_went_in_comes_out_at_the_same_time(tmp_path: Path, write: object) -> None:
    packets = timed(map(vxlan, TENANTS))
    found, counts = decap(tmp_path, write(packets))  # type: ignore[operator]
    assert found == [(time_ns, inner) for (time_ns, _), inner in zip(packets, TENANTS, strict=True)]
    assert counts["opened"] == len(TENANTS)


def test_every_encapsulation_gives_the_frame_back(tmp_path: Path) -> None:
    """L3 tunnels carry no MAC addresses: the outer ones take their place. PPTP's PPP is not opened."""
    for inner in TENANTS:
        wrapped = tunnels(inner)[:15]
        found, _ = decap(tmp_path, pcap(timed(wrapped)))
        for (_, left), packet in zip(found, wrapped, strict=True):
            assert left[14:] == inner[14:] or left == packet
            assert left[12:] == inner[12:] or left == packet
        unopened = sum(left == packet for (_, left), packet in zip(found, wrapped, strict=True))
        assert unopened == 1


def test_only_the_outermost_tunnel_comes_off_unless_all_are_asked_for(tmp_path: Path) -> None:
    inner = TENANTS[0]
    thrice = vxlan(vxlan(vxlan(inner, 1), 2), 3)
    assert decap(tmp_path, pcap(timed([thrice])))[0][0][1] == vxlan(vxlan(inner, 1), 2)
    assert decap(tmp_path, pcap(timed([thrice])), every=True)[0][0][1] == inner


def test_packets_without_a_tunnel_stay_as_they_are(tmp_path: Path) -> None:
    packets = timed([*tenant_frames(), b"", b"x"])
    found, counts = decap(tmp_path, pcap(packets))
    assert found == packets
    assert counts["unchanged"] == len(packets)


def test_ip_in_gre_gets_the_outer_addresses(tmp_path: Path) -> None:
    inner = TENANTS[0]
    packet = frame(*ip(47, Gre(0x0800, key=5).pack() + inner[14:], VTEPS))
    assert decap(tmp_path, pcap(timed([packet])))[0][0][1] == packet[:12] + inner[12:]


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_raw_ip_gets_an_ethernet_header(tmp_path: Path, write: object) -> None:
    inner = TENANTS[0]
    octets = pcap(timed([inner[14:], vxlan(inner)[14:]]), link=101)
    assert [left for _, left in decap(tmp_path, octets)[0]] == [bytes(12) + inner[12:], inner]


@pytest.mark.parametrize("seed", range(3))
def test_segments_are_put_together(tmp_path: Path, seed: int) -> None:
    inner = frame(*ip(17, udp(7, 8, bytes(range(256)) * 4)))
    pieces = [frame(*ip(6, piece, VTEPS)) for piece in stt(inner, most=300)]
    random.Random(seed).shuffle(pieces)
    found, counts = decap(tmp_path, pcap(timed(pieces)))
    assert [left for _, left in found] == [inner]
    assert found[0][0] == timed(pieces)[-1][0]
    assert counts["pieces"] == len(pieces) - 1


def test_the_tag_in_an_stt_header_is_pushed_and_a_partial_checksum_finished(tmp_path: Path) -> None:
    inner = frame(*ip(6, tcp(1, 2, b"data" * 10)))
    pseudo = sum(int.from_bytes(V4[n].octets[at : at + 2], "big") for n in (0, 1) for at in (0, 2)) + 6 + 60
    partial = inner[:50] + (pseudo % 0xFFFF).to_bytes(2, "big") + inner[52:]
    header = Stt(5, flags=PARTIAL | STT_IPV4 | TCP, l4_offset=34, mss=1000, vid=77, pcp=3)
    piece = next(segments(header, partial, src=VTEPS[0], dst=VTEPS[1], sport=50000, id=1, max_octets=65535))
    ((_, left),) = decap(tmp_path, pcap(timed([frame(*ip(6, piece, VTEPS))])))[0]
    assert left[12:18] == b"\x81\x00" + Vlan(77, 0x0800, 3).pack()
    assert is_valid_behind_ip(left[38:], V4[0].octets, V4[1].octets, 6)


def test_fragments_of_a_tunnel_packet_stay_as_they_are(tmp_path: Path) -> None:
    whole = next(iter(stt(TENANTS[0])))
    parts = [
        frame(*ip(6, whole[:64], VTEPS, mf=True, id=9)),
        frame(*ip(6, whole[64:], VTEPS, fragment_offset=64, id=9)),
    ]
    assert [left for _, left in decap(tmp_path, pcap(timed(parts)))[0]] == parts


def test_padding_behind_the_tunnel_goes_and_padding_inside_stays(tmp_path: Path) -> None:
    inner = TENANTS[0] + b"inside"
    assert decap(tmp_path, pcap(timed([vxlan(inner) + b"outside"])))[0][0][1] == inner


def test_a_cut_packet_stays_cut_by_as_much(tmp_path: Path) -> None:
    packet = vxlan(frame(*ip(17, udp(1, 2, bytes(500)))))
    octets = bytearray(pcap(timed([packet[:200]])))
    octets[24 + 12 : 24 + 16] = len(packet).to_bytes(4, "little")
    source = tmp_path / "in"
    source.write_bytes(octets)
    target = tmp_path / "out"
    with open_capture(source) as capture:
        target.write_bytes(file_header() + b"".join(bytes(Decapsulator(False).records(b)) for b in capture.blocks()))
    with open_capture(target) as capture:
        (block,) = capture.blocks()
    assert (block.captured.tolist(), block.length.tolist()) == ([150], [len(packet) - 50])
