"""Frames of real senders: read as what the sender was told to send, and written octet by octet as he wrote them."""

import pytest

from support.tunnels import VECTORS
from weft.wire.dissect import dissect
from weft.wire.encap.geneve import Geneve
from weft.wire.encap.gre import Gre
from weft.wire.encap.nvgre import Nvgre
from weft.wire.encap.vxlan import Vxlan
from weft.wire.encap.vxlan_gbp import VxlanGbp
from weft.wire.encap.vxlan_gpe import VxlanGpe
from weft.wire.ipv4 import Ipv4
from weft.wire.reassembly import Ipv4Reassembly

FRAMES = {vector["name"]: bytes.fromhex(vector["hex"]) for vector in VECTORS}
UDP_TUNNEL, IP_TUNNEL, UDP6_TUNNEL = 42, 34, 62
WRITTEN = [
    ("vxlan", UDP_TUNNEL, Vxlan(5001)),
    ("vxlan-8472-checksum", UDP_TUNNEL, Vxlan(16777215)),
    ("vxlan-gbp", UDP_TUNNEL, VxlanGbp(5001, 291)),
    ("vxlan-gpe", UDP_TUNNEL, VxlanGpe(5001, 1)),
    ("vxlan-ipv6", UDP6_TUNNEL, Vxlan(5001)),
    ("ovs-vxlan", UDP_TUNNEL, Vxlan(5001)),
    ("ovs-gre", IP_TUNNEL, Gre(0x6558)),
    ("ovs-gre-key", IP_TUNNEL, Gre(0x6558, key=0x138942)),
    ("ovs-gre-key", IP_TUNNEL, Nvgre(5001, 0x42)),
    ("ovs-gre-key-seq", IP_TUNNEL, Gre(0x6558, key=0x138942, sequence=0)),
    ("ovs-geneve", UDP_TUNNEL, Geneve(5001)),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_frame_is_what_its_sender_was_told_to_send(vector):
    dissection = dissect(bytes.fromhex(vector["hex"]), verify=True)
    assert dissection.error is None
    layers = iter(dissection.layers)
    for expected in vector["expected"]:
        assert any(expected.items() <= layer.items() for layer in layers), expected


@pytest.mark.parametrize(("name", "at", "header"), WRITTEN)
def test_a_header_is_written_as_the_sender_wrote_it(name, at, header):
    packed = header.pack()
    assert FRAMES[name][at : at + len(packed)] == packed
    assert type(header).parse(FRAMES[name], at) == (header, at + len(packed))


def test_a_checksum_of_gre_is_what_the_sender_computed():
    frame = FRAMES["ovs-gre-key-csum"]
    header, end = Gre.parse(frame, IP_TUNNEL)
    assert header.checksum is not None
    assert Gre(0x6558, 0, 0x138942).pack(frame[end:]) == frame[IP_TUNNEL:end]


def test_an_option_of_geneve_is_read_and_written():
    frame = FRAMES["ovs-geneve-option"]
    header, end = Geneve.parse(frame, UDP_TUNNEL)
    assert header.pack() == frame[UDP_TUNNEL:end]
    assert [(one.option_class, one.type, one.data.hex()) for one in header.options] == [
        (0x103, 0x21, "0011223344556677")
    ]


def test_fragments_of_the_kernel_make_its_packet():
    assembly = Ipv4Reassembly()
    results = []
    for number in (2, 1):
        frame = FRAMES[f"ipv4-fragment-{number}"]
        header, end = Ipv4.parse(frame, 14)
        results.append(assembly.add(header, frame[end : 14 + header.total_length], now=0.0))
    assert results[0] is None
    whole = dissect(results[1], start="ipv4")
    assert whole.error is None  # the sum of the ping, which covers all of it, is right
    assert whole.layers[-1]["layer"] == "icmp"
    assert len(results[1]) == 20 + 8 + 2000
