"""GRE as in RFC 2784 and RFC 2890; PPTP's as in RFC 2637."""

import itertools

import pytest

from weft.values import Malformed, Truncated
from weft.wire.checksum import WrongChecksum
from weft.wire.encap.gre import Gre
from weft.wire.encap.pptp import Pptp

FORMS = [
    Gre(0x0800, checksum, key, sequence)
    for checksum, key, sequence in itertools.product((None, 0), (None, 0x138942), (None, 7))
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_round_trips_and_costs_its_octets(form):
    octets = form.pack(b"odd")
    header, end = Gre.parse(octets + b"odd")
    assert end == len(octets) == sum(part.octets for part in form.parts())
    assert header.pack(b"odd") == octets
    assert (header.key, header.sequence) == (form.key, form.sequence)


def test_checksum_key_and_sequence_stand_in_this_order():
    octets = Gre(0x6558, 0, 0x138942, 5).pack()
    assert octets.hex() == "b0006558" + "614c0000" + "00138942" + "00000005"


@pytest.mark.parametrize("at", [0, 2, 6, 8, 15, 16])
def test_the_checksum_covers_header_and_payload(at):
    octets = bytearray(Gre(0x6558, 0, 1, 5).pack(b"payload") + b"payload")
    octets[at] ^= 2
    with pytest.raises((WrongChecksum, Malformed)):
        Gre.parse(bytes(octets))


@pytest.mark.parametrize("bits", ["4000", "0800", "0400"])
def test_bits_of_the_first_gre_are_refused(bits):
    data = bytes.fromhex(bits + "0800") + bytes(20)
    with pytest.raises(Malformed, match="RFC 1701"):
        Gre.parse(data)
    header, end, _ = Gre.dissect(data)
    assert (header, end) == (Gre(0x0800), len(data))


@pytest.mark.parametrize("bits", ["0200", "0100", "0080", "0008", "03f8"])
def test_bits_6_to_12_are_ignored(bits):
    assert Gre.parse(bytes.fromhex(bits + "0800")) == (Gre(0x0800), 4)


@pytest.mark.parametrize("version", range(1, 8))
def test_other_versions_are_refused(version):
    with pytest.raises(Malformed, match=f"version {version}"):
        Gre.parse(bytes((0x20, version)) + bytes(20))


def test_a_header_cut_short_is_told():
    octets = Gre(0x0800, 0, 1, 1).pack()
    for length in range(len(octets)):
        with pytest.raises(Truncated):
            Gre.parse(octets[:length])


def test_pptp_data_is_as_in_its_rfc():
    octets = bytes.fromhex("3001880b000304d200000005") + b"ppp"
    assert Pptp.parse(octets) == (Pptp(3, 0x4D2, sequence=5), 12)
    assert Pptp(3, 0x4D2, sequence=5).pack() == octets[:12]


def test_a_pure_acknowledgement_of_pptp_has_no_payload():
    octets = Pptp(0, 0x4D2, acknowledgement=9).pack()
    assert octets.hex() == "2081880b000004d200000009"
    assert Pptp.parse(octets) == (Pptp(0, 0x4D2, acknowledgement=9), 12)


@pytest.mark.parametrize("octets", ["b001880b000004d2", "0001880b000004d2", "20010800000004d2", "2002880b000004d2"])
def test_what_is_not_pptp_is_refused(octets):
    with pytest.raises(Malformed):
        Pptp.parse(bytes.fromhex(octets) + bytes(20))


def test_pptp_that_promises_more_than_there_is_is_refused():
    with pytest.raises(Truncated):
        Pptp.parse(Pptp(100, 1, 1).pack() + bytes(99))
