"""NVGRE as in RFC 7637."""

import pytest

from weft.values import Malformed, Truncated
from weft.wire.encap.nvgre import Nvgre

OCTETS = bytes.fromhex("2000655800138942")
ADDRESSES = bytes(12)


def test_the_vsid_is_the_upper_24_bits_of_the_key():
    assert Nvgre.parse(OCTETS) == (Nvgre(vsid=5001, flow_id=0x42), 8)
    assert Nvgre(vsid=5001, flow_id=0x42).pack() == OCTETS


@pytest.mark.parametrize("start", ["a0006558", "30006558", "00006558", "20000800", "20016558"])
def test_gre_with_checksum_or_sequence_or_without_key_is_not_nvgre(start):
    with pytest.raises(Malformed):
        Nvgre.parse(bytes.fromhex(start) + OCTETS[4:])


@pytest.mark.parametrize("tag", ["8100", "88a8"])
def test_a_tagged_frame_is_refused_unless_it_is_allowed(tag):
    packet = OCTETS + ADDRESSES + bytes.fromhex(tag) + bytes(4)
    with pytest.raises(Malformed, match="VLAN"):
        Nvgre.parse(packet)
    assert Nvgre.parse(packet, allow_inner_vlan=True) == (Nvgre(5001, 0x42), 8)
    assert Nvgre.parse(OCTETS + ADDRESSES + b"\x08\0") == (Nvgre(5001, 0x42), 8)


def test_a_header_cut_short_is_told():
    with pytest.raises(Truncated):
        Nvgre.parse(OCTETS[:7])
