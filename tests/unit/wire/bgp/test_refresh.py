"""ROUTE-REFRESH, RFC 2918."""

import pytest

from weft.wire.bgp import refresh
from weft.wire.bgp.capabilities import EVPN
from weft.wire.bgp.errors import BgpError
from weft.wire.bgp.framing import HEADER_OCTETS
from weft.wire.bgp.refresh import Refresh


def test_round_trip():
    packed = Refresh(EVPN).pack()
    assert packed[HEADER_OCTETS:] == bytes.fromhex("0019 00 46")
    assert refresh.parse(packed[HEADER_OCTETS:]) == Refresh(EVPN)
    assert refresh.parse(bytes.fromhex("0019 01 46")) == Refresh(EVPN, 1)


def test_too_short_is_an_error_of_its_own_code():
    with pytest.raises(BgpError) as caught:
        refresh.parse(b"\x00\x19\x00")
    assert (caught.value.code, caught.value.subcode) == (7, 1)
