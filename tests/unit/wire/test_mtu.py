"""What fits through a tunnel, against figures worked out by hand."""

import pytest

from weft.values import InvalidValue
from weft.wire.mtu import TUNNELS, Around, fit_inner, fit_link, ledger

OVER_IPV4 = {
    "gre": (24, 1476, 1448, 1436),
    "gre+key": (28, 1472, 1444, 1432),
    "gre+key+seq": (32, 1468, 1440, 1428),
    "gre+csum+key+seq": (36, 1464, 1436, 1424),
    "gretap": (38, 1462, 1434, 1422),
    "nvgre": (42, 1458, 1430, 1418),
    "vxlan": (50, 1450, 1422, 1410),
    "vxlan-gpe": (50, 1450, 1422, 1410),
    "geneve": (50, 1450, 1422, 1410),
    "stt": (72, None, None, None),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_a_link_of_1500_octets(name):
    fit = fit_link(name, 4, 1500)
    assert (fit.overhead, fit.inner_mtu, fit.ping_payload, fit.tcp_mss) == OVER_IPV4[name]
    assert fit_link(name, 6, 1500).overhead == OVER_IPV4[name][0] + 20


def test_stt_counts_its_first_and_its_further_segments():
    assert (fit_link("stt", 4, 1500).first_segment, fit_link("stt", 4, 1500).further_segment) == (72, 54)
    assert (fit_link("stt", 6, 1500).first_segment, fit_link("stt", 6, 1500).further_segment) == (92, 74)


def test_an_ipv6_tenant_has_larger_headers():
    fit = fit_link("vxlan", 4, 1500, tenant=6)
    assert (fit.inner_mtu, fit.ping_payload, fit.tcp_mss) == (1450, 1402, 1390)


def test_an_outer_tag_lengthens_the_frame_only():
    fit = fit_link("vxlan", 4, 1500, Around(outer_vlans=1))
    assert (fit.overhead, fit.wire_overhead, fit.inner_mtu) == (50, 54, 1450)
    assert fit_link("stt", 4, 1500, Around(outer_vlans=1)).further_segment == 58


@pytest.mark.parametrize(("name", "octets"), [("vxlan", 54), ("nvgre", 46), ("gre", 24), ("stt", 72)])
def test_a_tag_inside_costs_four_octets_where_frames_are_carried_and_stt_has_room_for_one(name, octets):
    assert fit_link(name, 4, 1500, Around(inner_vlans=1)).overhead == octets


@pytest.mark.parametrize("octets", range(0, 256, 4))
def test_geneve_options_cost_what_they_measure(octets):
    assert fit_link("geneve", 4, 1500, Around(geneve_option_octets=octets)).inner_mtu == 1450 - octets


@pytest.mark.parametrize("octets", [-4, 2, 256])
def test_options_that_cannot_be_are_refused(octets):
    with pytest.raises(InvalidValue, match="words of 4"):
        fit_link("geneve", 4, 1500, Around(geneve_option_octets=octets))


@pytest.mark.parametrize("name", [name for name in TUNNELS if name != "stt"])
@pytest.mark.parametrize("esp", [None, "transport", "tunnel"])
@pytest.mark.parametrize("ip_version", [4, 6])
def test_what_is_needed_is_what_fits(name, esp, ip_version):
    around = Around(esp=esp)
    for inner_mtu in range(1400, 1408):
        needed = fit_inner(name, ip_version, inner_mtu, around)
        assert fit_link(name, ip_version, needed.link_mtu, around).inner_mtu == inner_mtu or esp
        assert fit_link(name, ip_version, needed.link_mtu, around).inner_mtu >= inner_mtu
        assert fit_link(name, ip_version, needed.link_mtu - 1, around).inner_mtu < inner_mtu


def test_esp_encrypts_whole_words():
    """1500 - 20 (IP) - 16 (ESP, IV) - 16 (check value) = 1448, 2 of them the trailer's; VXLAN takes 30 of the rest."""
    assert fit_link("vxlan", 4, 1500, Around(esp="transport")).inner_mtu == 1448 - 2 - 30
    assert fit_link("vxlan", 4, 1503, Around(esp="transport")).inner_mtu == 1448 - 2 - 30
    assert fit_link("vxlan", 4, 1500, Around(esp="tunnel")).inner_mtu == 1448 - 2 - 30 - 20


def test_esp_surrounds_what_it_protects():
    names = [part.name for part in ledger("vxlan", 4, Around(esp="tunnel"))]
    assert names == ["outer IPv4", "ESP", "protected outer IPv4", "UDP", "VXLAN", "inner Ethernet", "ESP trailer"]


def test_a_link_that_is_too_small_is_refused():
    with pytest.raises(InvalidValue, match="leaves no room for vxlan"):
        fit_link("vxlan", 4, 90)
    assert fit_link("vxlan", 4, 91).tcp_mss == 1
