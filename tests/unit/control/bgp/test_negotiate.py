"""What two OPENs settle, and which are refused."""

import pytest

from weft.control.bgp import negotiate
from weft.values import Asn, Ip
from weft.wire.bgp.capabilities import EVPN, IPV4_UNICAST, Capabilities
from weft.wire.bgp.errors import BgpError, Code


def test_our_open_offers_evpn_and_what_we_can_do(bgp, neighbor):
    made = negotiate.local_open(bgp, neighbor(hold_time_s=9))
    assert (made.asn, made.hold_time_s, made.router_id) == (65000, 9, Ip.parse("192.0.2.1"))
    assert made.capabilities == Capabilities(
        families=(EVPN,), asn=65000, route_refresh=True, extended_message=True, graceful_restart=bytes(2)
    )


@pytest.mark.parametrize(("ours", "theirs", "settled"), [(90, 30, 30), (9, 30, 9), (90, 0, 0), (0, 30, 0), (3, 3, 3)])
def test_the_smaller_hold_time_holds(bgp, neighbor, peer_open, ours, theirs, settled):
    found = negotiate.negotiate(peer_open(hold_time_s=theirs), bgp, neighbor(hold_time_s=ours))
    assert found.hold_time_s == settled


def test_an_old_external_peer(bgp, neighbor, peer_open):
    old = peer_open(asn=65001, capabilities=Capabilities(families=(EVPN,)))
    found = negotiate.negotiate(old, bgp, neighbor(remote_asn=Asn(65001)))
    assert (found.internal, found.as4, found.message_octets) == (False, False, 4096)


def test_extended_messages_are_sent_to_who_takes_them(bgp, neighbor, peer_open):
    offered = Capabilities(families=(EVPN,), asn=65000, extended_message=True)
    found = negotiate.negotiate(peer_open(capabilities=offered), bgp, neighbor())
    assert (found.internal, found.as4, found.message_octets) == (True, True, 65535)


def test_any_other_as_is_external(bgp, neighbor, peer_open):
    anyone = neighbor(remote_asn=None)
    assert not negotiate.negotiate(peer_open(asn=65007), bgp, anyone).internal
    with pytest.raises(BgpError) as caught:
        negotiate.negotiate(peer_open(asn=65000), bgp, anyone)
    assert caught.value.subcode == 2


@pytest.mark.parametrize(
    ("changes", "subcode"),
    [
        ({"asn": 65001}, 2),
        ({"router_id": Ip(bytes(4))}, 3),
        ({"router_id": Ip.parse("192.0.2.1")}, 3),
        ({"hold_time_s": 1}, 6),
        ({"hold_time_s": 2}, 6),
        ({"capabilities": Capabilities(families=(IPV4_UNICAST,), asn=65000)}, 7),
        ({"capabilities": Capabilities()}, 7),
    ],
)
def test_unacceptable_opens_have_their_subcode(bgp, neighbor, peer_open, changes, subcode):
    with pytest.raises(BgpError) as caught:
        negotiate.negotiate(peer_open(**changes), bgp, neighbor())
    assert (caught.value.code, caught.value.subcode) == (Code.OPEN, subcode)


@pytest.mark.parametrize("asn", [0, 23456])
def test_reserved_as_numbers_are_nobody(bgp, neighbor, peer_open, asn):
    with pytest.raises(BgpError) as caught:
        negotiate.negotiate(peer_open(asn=asn), bgp, neighbor(remote_asn=None))
    assert caught.value.subcode == 2


def test_the_same_identifier_in_another_as_is_fine(bgp, neighbor, peer_open):
    twin = peer_open(asn=65001, router_id=Ip.parse("192.0.2.1"))
    assert negotiate.negotiate(twin, bgp, neighbor(remote_asn=Asn(65001))).router_id == bgp.router_id


def test_the_missing_capability_is_named(bgp, neighbor, peer_open):
    with pytest.raises(BgpError) as caught:
        negotiate.negotiate(peer_open(capabilities=Capabilities()), bgp, neighbor())
    assert caught.value.data == bytes.fromhex("01 04 0019 00 46")
