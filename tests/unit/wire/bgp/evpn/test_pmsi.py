"""PMSI tunnel attribute, RFC 6514 section 5."""

import pytest

from weft.values import Ip, WireError
from weft.wire.bgp.evpn import Pmsi, pmsi

VTEP = Ip.parse("192.0.2.1")
VALUE = bytes.fromhex("00 06 000064 c0000201")


def test_ingress_replication_carries_vni_and_vtep():
    made = Pmsi.ingress_replication(100, VTEP)
    assert made.pack() == VALUE
    assert pmsi.parse(VALUE) == made
    assert made.endpoint == VTEP


def test_other_tunnels_are_kept_but_lead_nowhere():
    read = pmsi.parse(bytes.fromhex("00 02 000010 0102"))
    assert (read.tunnel_type, read.tunnel_id, read.endpoint) == (2, b"\x01\x02", None)
    assert read.pack() == bytes.fromhex("00 02 000010 0102")


@pytest.mark.parametrize(
    "value", ["", "00060000", "00 06 000064", "00 06 000064 c00002", "00 08 000000", "00 ff 000000"]
)
def test_malformed_values_are_refused(value):
    with pytest.raises(WireError):
        pmsi.parse(bytes.fromhex(value))
