"""Neighbour discovery (RFC 4861 section 4)."""

import pytest

from weft.values import Ip, Mac, Malformed, Truncated
from weft.wire import nd
from weft.wire.nd import Neighbor, RouterAdvertisement, RouterSolicitation

MAC = Mac.parse("02:00:00:00:00:0a")
LINK = (nd.TARGET_LINK_ADDRESS, MAC.octets)


def test_an_advertisement_tells_who_has_an_address():
    advertisement = Neighbor(Ip.parse("fd00::1"), router=True, solicited=True, override=True, options=(LINK,))
    octets = advertisement.pack()
    assert octets.hex() == "e0000000" + "fd000000000000000000000000000001" + "020102000000000a"
    assert Neighbor.parse(octets) == (advertisement, 28)
    assert nd.link_address(advertisement.options, nd.TARGET_LINK_ADDRESS) == MAC
    assert nd.link_address(advertisement.options, nd.SOURCE_LINK_ADDRESS) is None


@pytest.mark.parametrize(
    "message",
    [
        RouterSolicitation(((nd.SOURCE_LINK_ADDRESS, MAC.octets),)),
        RouterAdvertisement(64, 0x40, 1800, 30000, 1000, ((nd.MTU, bytes((0, 0, 0, 0, 5, 0xAA))),)),
    ],
)
def test_router_messages_round_trip(message):
    assert type(message).parse(message.pack()) == (message, len(message.pack()))
    with pytest.raises(Truncated):
        type(message).parse(message.pack()[:3])


def test_an_option_of_length_zero_is_refused_for_it_would_never_end():
    with pytest.raises(Malformed, match="length 0"):
        Neighbor.parse(Neighbor(Ip.parse("fd00::1")).pack() + bytes(8))


@pytest.mark.parametrize("cut", [1, 7])
def test_an_option_cut_short_is_told(cut):
    with pytest.raises(Truncated):
        Neighbor.parse(Neighbor(Ip.parse("fd00::1"), options=(LINK,)).pack()[:-cut])


def test_nobody_has_a_multicast_address():
    with pytest.raises(Malformed, match="multicast"):
        Neighbor.parse(Neighbor(Ip.parse("ff02::1")).pack())
