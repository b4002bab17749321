"""What all encapsulations have in common, and what each costs."""

import pytest

from weft.wire import ethernet
from weft.wire.encap.geneve import Geneve, Option
from weft.wire.encap.gre import BRIDGED, Gre
from weft.wire.encap.pptp import Pptp
from weft.wire.encap.registry import ENCAPSULATIONS, PORTS
from weft.wire.encap.stt import SEGMENT_LENGTH, Stt
from weft.wire.encap.tunnel import INNER_ETHERNET, OUTER_IP, UDP
from weft.wire.encap.vxlan import Vxlan
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.encap.vxlan_gpe import VxlanGpe
from weft.wire.ipv4 import LENGTH as IPV4_LENGTH
from weft.wire.ipv6 import LENGTH as IPV6_LENGTH
from weft.wire.udp import LENGTH as UDP_LENGTH

OVERHEADS = [
    (Gre(0x0800), 24),
    (Gre(0x0800, key=0), 28),
    (Gre(0x0800, key=0, sequence=0), 32),
    (Gre(0x0800, 0, 0, 0), 36),
    (BRIDGED, 38),
    (Gre(0x6558, key=0), 42),
    (Vxlan(1), 50),
    (VxlanGbp(1, policy=5), 50),
    (VxlanGpe(1), 50),
    (VxlanGpe(1, protocol=1), 36),
    (Geneve(1), 50),
    (Geneve(1, protocol=0x0800), 36),
    (Geneve(1, options=(Option(1, 1, bytes(124)), Option(1, 1, bytes(120)))), 302),
    (Stt(1), 72),
]


@pytest.mark.parametrize(("header", "octets"), OVERHEADS)
def test_overhead_is_the_sum_of_the_headers(header, octets):
    assert header.overhead_octets() == octets
    assert header.overhead_octets(6) == octets + 20


@pytest.mark.parametrize("header", [header for header, _ in OVERHEADS] + [Pptp(0, 1, 2, 3)])
def test_the_ledger_counts_the_octets_that_are_written(header):
    written = len(header.pack()) + (SEGMENT_LENGTH if isinstance(header, Stt) else 0)
    counted = sum(part.octets for part in header.parts() if part != UDP)
    assert counted == written


def test_the_headers_around_are_counted_right():
    assert [OUTER_IP[4].octets, OUTER_IP[6].octets, UDP.octets] == [IPV4_LENGTH, IPV6_LENGTH, UDP_LENGTH]
    assert INNER_ETHERNET.octets == ethernet.LENGTH


@pytest.mark.parametrize("name", ENCAPSULATIONS)
def test_each_reads_what_it_writes(name):
    plain = ENCAPSULATIONS[name].plain
    assert type(plain).parse(plain.pack()) == (plain, len(plain.pack()))


def test_ports_are_those_of_the_standards():
    assert PORTS == {4789: "vxlan", 8472: "vxlan", 4790: "vxlan-gpe", 6081: "geneve", 7471: "stt"}
