"""Chains of IPv6 extension headers (RFC 8200 section 4)."""

import pytest

from weft.values import Malformed, Truncated
from weft.wire.ipv6_extensions import LIMIT, Extensions, Fragment

HOP_BY_HOP = bytes((44, 0)) + bytes(6)
LONG_DESTINATION = bytes((17, 1)) + bytes(14)
AUTHENTICATION = bytes((6, 4)) + bytes(22)


def test_a_chain_is_walked_to_its_payload():
    data = b"\xee" + HOP_BY_HOP + Fragment(60, 0xCAFE, 0, True).pack() + LONG_DESTINATION + b"udp"
    chain, end, fault = Extensions.walk(0, data, 1)
    assert (chain.kinds, chain.protocol, fault) == ((0, 44, 60), 17, None)
    assert data[end:] == b"udp"
    assert chain.fragment == Fragment(60, 0xCAFE, 0, True)


def test_without_extension_headers_there_is_nothing_to_walk():
    assert Extensions.walk(6, b"") == (Extensions((), 6), 0, None)


def test_an_authentication_header_counts_words_of_four_octets():
    chain, end, fault = Extensions.walk(51, AUTHENTICATION + b"tcp")
    assert (chain.protocol, end, fault) == (6, 24, None)


def test_behind_a_later_fragment_nothing_is_read_as_a_header():
    chain, end, fault = Extensions.walk(44, Fragment(60, 1, 1480, False).pack() + b"\x3c\xff")
    assert (chain.kinds, chain.protocol, end, fault) == ((44,), 60, 8, None)


@pytest.mark.parametrize("data", [b"", b"\x11", HOP_BY_HOP[:7], HOP_BY_HOP + bytes(7)])
def test_a_chain_cut_short_is_told(data):
    assert isinstance(Extensions.walk(0, data)[2], Truncated)


def test_a_chain_without_end_ends():
    chain, _, fault = Extensions.walk(60, bytes((60, 0, 0, 0, 0, 0, 0, 0)) * 1000)
    assert len(chain.kinds) == LIMIT
    assert isinstance(fault, Malformed)


def test_a_fragment_header_keeps_its_fields():
    fragment = Fragment(58, 0xDEADBEEF, 1480, True)
    assert fragment.pack().hex() == "3a0005c9deadbeef"
    assert Fragment.parse(fragment.pack()) == (fragment, 8)
