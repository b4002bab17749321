"""Geneve as in RFC 8926."""

import pytest

from weft.values import Malformed, Truncated
from weft.wire.encap.geneve import Geneve, Option

PLAIN = bytes.fromhex("0000655800138800")
CRITICAL = Option(0x0102, 0x81, b"\0\1\0\2")


def test_a_plain_header_carries_a_vni_and_a_protocol():
    assert Geneve.parse(PLAIN) == (Geneve(5000), 8)
    assert Geneve(5000).pack() == PLAIN
    assert Geneve(5000, protocol=0x0800).pack().hex() == "0000080000138800"


def test_options_stand_behind_the_header_in_words():
    header = Geneve(5000, options=(Option(0x103, 0x21, bytes(range(8))), Option(0xFFFF, 0)))
    octets = header.pack()
    assert octets.hex() == "0400655800138800" + "01032102" + "0001020304050607" + "ffff0000"
    assert Geneve.parse(octets + b"frame") == (header, 24)
    assert header.overhead_octets() == 66


def test_a_control_packet_is_marked():
    assert Geneve(5000, oam=True).pack()[1] == 0x80
    assert Geneve.parse(Geneve(5000, oam=True).pack())[0].oam


def test_an_unknown_critical_option_is_refused_and_a_known_one_is_not():
    octets = Geneve(5000, options=(CRITICAL,)).pack()
    assert octets[1] == 0x40
    with pytest.raises(Malformed, match="0x0102 type 0x81"):
        Geneve.parse(octets)
    assert Geneve.parse(octets, known={(0x0102, 0x81)})[0].options == (CRITICAL,)
    header, end, fault = Geneve.dissect(octets)
    assert (header, end, fault) == (Geneve(5000, options=(CRITICAL,)), 16, None)


def test_a_critical_option_is_refused_even_if_the_header_does_not_announce_it():
    octets = bytearray(Geneve(5000, options=(CRITICAL,)).pack())
    octets[1] = 0
    with pytest.raises(Malformed):
        Geneve.parse(bytes(octets))


def test_the_longest_options_fit():
    options = (Option(1, 1, bytes(124)), Option(1, 2, bytes(120)))
    octets = Geneve(1, options=options).pack()
    assert len(octets) == 260
    assert Geneve.parse(octets)[0].options == options


def test_more_options_than_fit_are_refused():
    with pytest.raises(Malformed, match="256 octets"):
        Geneve(1, options=(Option(1, 1, bytes(124)), Option(1, 2, bytes(124)))).pack()


def test_an_option_longer_than_all_options_is_refused():
    with pytest.raises(Malformed, match="past the end"):
        Geneve.parse(bytes.fromhex("0100655800138800" + "01030102") + bytes(100))


def test_options_cut_short_are_told():
    octets = Geneve(5000, options=(Option(1, 1, bytes(4)),)).pack()
    for length in range(len(octets)):
        with pytest.raises(Truncated):
            Geneve.parse(octets[:length])


@pytest.mark.parametrize("version", [1, 2, 3])
def test_other_versions_are_refused(version):
    with pytest.raises(Malformed, match="version"):
        Geneve.parse(bytes((version << 6,)) + PLAIN[1:])
