"""Frames go in: headers are what a sender would write, and what comes out again is the frame."""

from __future__ import annotations

import pytest

from support.packets import VTEPS, VTEPS6, frame, ip, tcp, tenant_frames, udp
from weft.capture.encap import Encapsulator
from weft.capture.reader import Block
from weft.forwarding import flowhash
from weft.values import Encap, Ip, Malformed
from weft.wire.checksum import is_valid_behind_ip
from weft.wire.dissect import dissect

INNER = frame(*ip(6, tcp(40000, 80, b"hello")))
PAIRS = [VTEPS, VTEPS6]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("encap", list(Encap))
def test_the_dissector_finds_no_error_in_what_is_written(encap: Encap, pair: tuple[Ip, Ip]) -> None:
    for inner in tenant_frames():
        whole = inner[12:14] not in (b"\x86\xdd", b"\x08\x00") or dissect(inner, verify=True).error is None
        for packet in Encapsulator(encap, 5001, *pair).wrap(inner):
            result = dissect(packet, verify=True, gre_key_as="nvgre" if encap is Encap.NVGRE else "plain")
            layers = {str(layer["layer"]): layer for layer in reversed(result.layers)}
            outer = result.layers[1]
            assert (outer["src"], outer["dst"]) == tuple(map(str, pair))
            key = next(
                layers[encap.value][word] for word in ("vni", "vsid", "key", "context_id") if word in layers[encap]
            )
            assert key == 5001
            assert result.error is None or not whole or "checksum" in result.error


@pytest.mark.parametrize("encap", [Encap.VXLAN, Encap.GENEVE, Encap.STT])
def test_the_source_port_is_that_of_the_flow_hash(encap: Encap) -> None:
    (packet,) = Encapsulator(encap, 1, *VTEPS).wrap(INNER)
    assert int.from_bytes(packet[34:36], "big") == flowhash.source_port(flowhash.flow_hash(INNER))


def test_the_flow_id_is_that_of_the_flow_hash() -> None:
    (packet,) = Encapsulator(Encap.NVGRE, 5001, *VTEPS).wrap(INNER)
    assert packet[38:42] == (5001 << 8 | flowhash.flow_hash(INNER) & 0xFF).to_bytes(4, "big")


def test_udp_has_no_checksum_over_ipv4_and_a_valid_one_over_ipv6() -> None:
    (over4,) = Encapsulator(Encap.VXLAN, 1, *VTEPS).wrap(INNER)
    (over6,) = Encapsulator(Encap.VXLAN, 1, *VTEPS6).wrap(INNER)
    assert over4[40:42] == b"\0\0"
    assert over6[60:62] != b"\0\0"
    assert is_valid_behind_ip(over6[54:], VTEPS6[0].octets, VTEPS6[1].octets, 17)


def test_stt_cuts_large_frames_and_keeps_their_tag_in_its_header() -> None:
    inner = frame(*ip(17, udp(1, 2, bytes(3000))), 7)
    packets = list(Encapsulator(Encap.STT, 9, *VTEPS).wrap(inner))
    assert [len(packet) - 14 for packet in packets] == [1500, 1500, len(packets[2]) - 14]
    layer = dissect(packets[0]).layers[2]
    assert (layer["context_id"], layer["vlan"]) == (9, 7)
    assert dissect(packets[0]).layers[3]["ethertype"] == 0x0800


def test_nvgre_carries_no_tag() -> None:
    (packet,) = Encapsulator(Encap.NVGRE, 9, *VTEPS).wrap(frame(*ip(17, udp(1, 2)), 7))
    assert packet[42 + 12 : 42 + 14] == b"\x08\x00"


def test_a_frame_too_long_for_stt_is_refused() -> None:
    with pytest.raises(Malformed):
        list(Encapsulator(Encap.STT, 9, *VTEPS).wrap(bytes(70_000)))


def test_packets_too_short_for_a_header_are_carried_all_the_same() -> None:
    for length in range(20):
        (packet,) = Encapsulator(Encap.VXLAN, 9, *VTEPS).wrap(bytes(length))
        assert len(packet) == 50 + length


def test_raw_ip_is_carried_in_a_frame_and_unknown_links_are_left_out() -> None:
    work = Encapsulator(Encap.VXLAN, 9, *VTEPS)
    (record,) = work.records(Block.of(INNER[14:], 101, 5))
    assert record[16 + 50 :] == bytes(12) + INNER[12:]
    assert list(work.records(Block.of(INNER, 147))) == []
