"""VXLAN of RFC 7348, with a group policy, and with a protocol (GPE)."""

import pytest

from weft.values import Malformed, Truncated
from weft.wire.encap.vxlan import Vxlan
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.encap.vxlan_gpe import VxlanGpe

PLAIN = bytes.fromhex("0800000000138800")


@pytest.mark.parametrize("codec", [Vxlan, VxlanGbp])
def test_a_plain_header_carries_the_vni(codec):
    assert codec.parse(b"\xff" + PLAIN, 1) == (codec(5000), 9)
    assert codec(5000).pack() == PLAIN


@pytest.mark.parametrize("bit", [bit for bit in range(64) if bit != 4 and not 32 <= bit < 56])
def test_every_reserved_bit_is_ignored_but_noticed(bit):
    octets = (int.from_bytes(PLAIN, "big") | 1 << 63 - bit).to_bytes(8, "big")
    assert Vxlan.parse(octets) == (Vxlan(5000, reserved=True), 8)


@pytest.mark.parametrize("codec", [Vxlan, VxlanGbp, VxlanGpe])
def test_without_the_i_flag_there_is_no_vni(codec):
    with pytest.raises(Malformed, match="I flag"):
        codec.parse(bytes(4) + PLAIN[4:])
    with pytest.raises(Truncated):
        codec.parse(PLAIN[:7])


def test_a_policy_and_its_flags():
    header = VxlanGbp(5000, policy=0x123, dont_learn=True, applied=True)
    assert header.pack().hex() == "8848012300138800"
    assert VxlanGbp.parse(header.pack()) == (header, 8)
    assert VxlanGbp.parse(bytes.fromhex("8800012300138800")) == (VxlanGbp(5000, 0x123), 8)


def test_policy_bits_mean_nothing_without_the_g_flag():
    assert VxlanGbp.parse(bytes.fromhex("0848012300138800")) == (VxlanGbp(5000), 8)


@pytest.mark.parametrize(("protocol", "ethertype"), [(1, 0x0800), (2, 0x86DD), (3, 0x6558), (4, 0x894F), (5, 0x8847)])
def test_gpe_tells_its_payload(protocol, ethertype):
    header = VxlanGpe(5000, protocol)
    assert header.pack() == bytes((0x0C, 0, 0, protocol)) + PLAIN[4:]
    assert VxlanGpe.parse(header.pack()) == (header, 8)
    assert header.payload == ethertype


def test_gpe_without_a_protocol_carries_ethernet():
    assert VxlanGpe.parse(bytes.fromhex("080000ff00138800")) == (VxlanGpe(5000), 8)


def test_gpe_flags_for_replication_and_control():
    assert VxlanGpe.parse(bytes.fromhex("0f00000300138800")) == (VxlanGpe(5000, bum=True, oam=True), 8)
    assert VxlanGpe(5000, bum=True, oam=True).pack().hex() == "0f00000300138800"


@pytest.mark.parametrize("octets", ["1c00000300138800", "3c00000300138800", "0c00000600138800", "0c00000000138800"])
def test_gpe_of_another_version_or_protocol_is_refused(octets):
    with pytest.raises(Malformed):
        VxlanGpe.parse(bytes.fromhex(octets))
