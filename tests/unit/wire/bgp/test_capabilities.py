"""Capabilities, RFC 5492."""

import pytest

from weft.values import WireError
from weft.wire.bgp import capabilities
from weft.wire.bgp.capabilities import EVPN, IPV4_UNICAST, Capabilities

ALL = Capabilities(
    families=(EVPN, IPV4_UNICAST),
    asn=4200000001,
    route_refresh=True,
    extended_message=True,
    graceful_restart=bytes.fromhex("4078"),
    unknown=((73, b"leaf1"), (128, b"")),
)


def test_round_trip():
    assert capabilities.parse(ALL.pack()) == ALL
    assert capabilities.parse(b"") == Capabilities()


def test_repeated_families_count_once_and_other_repetitions_are_ignored():
    twice = bytes.fromhex("01 04 0019 00 46" * 2 + "41 04 00000001" + "41 04 00000002")
    read = capabilities.parse(twice)
    assert (read.families, read.asn) == ((EVPN,), 1)


@pytest.mark.parametrize("octets", ["01", "01 04 0019", "41 02 0001", "02 01 00", "06 01 00", "01 03 001900"])
def test_wrong_lengths_are_refused(octets):
    with pytest.raises(WireError):
        capabilities.parse(bytes.fromhex(octets))
