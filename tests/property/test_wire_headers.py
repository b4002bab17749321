"""Laws of the packet codecs: round trips, and nothing but wire errors from any octets."""

import contextlib
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.tunnels import SAMPLES, VECTORS, mutated
from weft.values import Ip, Mac, WireError
from weft.wire import arp, ethernet, icmp, icmpv6, igmp, ipv4, ipv6, ipv6_extensions, mpls, nd, tcp, udp, vlan
from weft.wire.dissect import dissect
from weft.wire.encap import geneve, gre, nvgre, pptp, stt, stt_frame, vxlan, vxlan_gbp, vxlan_gpe
from weft.wire.reassembly import Ipv4Reassembly, Limits, Reassembly, SttReassembly, Whole

u3, u8, u12, u16, u20, u24, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (3, 8, 12, 16, 20, 24, 32, 64))
flags = st.booleans()
macs = st.binary(min_size=6, max_size=6).map(Mac)
ips4 = st.binary(min_size=4, max_size=4).map(Ip)
ips6 = st.binary(min_size=16, max_size=16).map(Ip)


def words(most: int) -> st.SearchStrategy[bytes]:
    return st.integers(0, most).flatmap(lambda number: st.binary(min_size=4 * number, max_size=4 * number))


options = st.builds(geneve.Option, u16, u8, words(30))
nd_options = st.lists(
    st.tuples(u8, st.binary(min_size=6, max_size=6) | st.binary(min_size=14, max_size=14)), max_size=3
)
nd_options = nd_options.map(tuple)
sources = st.lists(ips4, max_size=3).map(tuple)
ipv4s = st.builds(
    ipv4.Ipv4, src=ips4, dst=ips4, protocol=u8, total_length=u16, ttl=u8, tos=u8, id=u16, df=flags, mf=flags,
    fragment_offset=st.integers(0, 0x1FFF).map(lambda eights: eights * 8), options=words(10),
)  # fmt: skip
HEADERS = (
    st.builds(ethernet.Ethernet, macs, macs, u16)
    | st.builds(vlan.Vlan, u12, u16, u3, flags)
    | st.builds(arp.Arp, u16, macs, ips4, macs, ips4)
    | st.builds(mpls.Mpls, u20, u3, flags, u8)
    | ipv4s
    | st.builds(
        ipv6.Ipv6, src=ips6, dst=ips6, next_header=u8, payload_length=u16, hop_limit=u8, traffic_class=u8,
        flow_label=u20,
    )
    | st.builds(ipv6_extensions.Fragment, u8, u32, st.integers(0, 0x1FFF).map(lambda eights: eights * 8), flags)
    | st.builds(udp.Udp, u16, u16, u16, u16)
    | st.builds(tcp.Tcp, u16, u16, u32, u32, u8, u16, u16, u16, words(10))
    | st.builds(icmp.Icmp, u8, u8, u32)
    | st.builds(nd.Neighbor, ips6.filter(lambda ip: ip.octets[0] != 0xFF), flags, flags, flags, nd_options)
    | st.builds(nd.RouterSolicitation, nd_options)
    | st.builds(nd.RouterAdvertisement, u8, u8, u16, u32, u32, nd_options)
    | st.builds(igmp.Igmp, st.sampled_from((igmp.V2_REPORT, igmp.LEAVE, igmp.QUERY)), u8, ips4)
    | st.builds(igmp.Igmp, st.just(igmp.QUERY), u8, ips4, st.binary(min_size=2, max_size=2), sources)
    | st.builds(
        igmp.Igmp, st.just(igmp.V3_REPORT), u8,
        records=st.lists(st.builds(igmp.Record, u8, ips4, sources), max_size=3).map(tuple),
    )
    | st.builds(gre.Gre, u16, st.none(), st.none() | u32, st.none() | u32)
    | st.builds(pptp.Pptp, st.just(0), u16, st.none() | u32, st.none() | u32)
    | st.builds(nvgre.Nvgre, u24, u8)
    | st.builds(vxlan.Vxlan, u24)
    | st.builds(vxlan_gbp.VxlanGbp, u24)
    | st.builds(vxlan_gbp.VxlanGbp, u24, u16, flags, flags)
    | st.builds(vxlan_gpe.VxlanGpe, u24, st.integers(1, 5), flags, flags)
    | st.builds(stt.Stt, u64, u8, u8, u16)
    | st.builds(stt.Stt, u64, u8, u8, u16, u12, u3)
)  # fmt: skip
CODECS = (
    ethernet.Ethernet, vlan.Vlan, arp.Arp, mpls.Mpls, ipv4.Ipv4, ipv6.Ipv6, ipv6_extensions.Fragment, udp.Udp, tcp.Tcp,
    icmp.Icmp, icmpv6.Icmpv6, nd.Neighbor, nd.RouterSolicitation, nd.RouterAdvertisement, igmp.Igmp, gre.Gre, pptp.Pptp,
    nvgre.Nvgre, vxlan.Vxlan, vxlan_gbp.VxlanGbp, vxlan_gpe.VxlanGpe, geneve.Geneve, stt.SttSegment, stt.Stt,
)  # fmt: skip
SEEDS = [*SAMPLES.values(), *(bytes.fromhex(vector["hex"]) for vector in VECTORS)]
STARTS = ("ethernet", "ip", "ipv4", "ipv6", "mpls", "gre", "vxlan", "vxlan-gpe", "geneve", "stt", "nvgre", "udp", "tcp")


@given(HEADERS, st.binary(max_size=5))
def test_headers_round_trip_at_any_offset(header, before):
    packed = header.pack()
    assert type(header).parse(before + packed, len(before)) == (header, len(before) + len(packed))


@given(u16, st.none() | u32, st.none() | u32, st.binary(max_size=64))
def test_gre_checksums_cover_what_follows(protocol, key, sequence, payload):
    packed = gre.Gre(protocol, 0, key, sequence).pack(payload)
    header, end = gre.Gre.parse(packed + payload)
    assert (header.protocol, header.key, header.sequence, end) == (protocol, key, sequence, len(packed))


@given(u24, u16, st.lists(options, max_size=2).map(tuple), flags)
def test_geneve_round_trips_for_who_knows_its_options(vni, protocol, several, oam):
    header = geneve.Geneve(vni, protocol, several, oam)
    known = {(option.option_class, option.type) for option in several}
    assert geneve.Geneve.parse(header.pack(), known=known) == (header, len(header.pack()))
    critical = any(option.critical for option in several)
    assert bool(header.pack()[1] & geneve.FLAG_C) is critical
    with contextlib.suppress(WireError):
        geneve.Geneve.parse(header.pack())
        assert not critical


@given(st.binary(max_size=120), st.integers(0, 8))
def test_any_octets_raise_only_wire_errors(octets, offset):
    for codec in CODECS:
        header, end, fault = codec.dissect(octets, offset)
        assert header is not None or fault is not None
        with contextlib.suppress(WireError):
            assert codec.parse(octets, offset) == (header, end)
            assert fault is None
            assert end <= len(octets)
    with contextlib.suppress(WireError):
        mpls.parse_stack(octets, offset)
    ipv6_extensions.Extensions.walk(0, octets, offset)


@given(st.binary(max_size=300), st.builds(stt.Stt, u64, u8, u8))
def test_any_frame_of_stt_is_finished_or_refused(frame, header):
    with contextlib.suppress(WireError):
        assert len(stt_frame.finish_checksum(header, frame)) == len(frame)


@given(st.binary(max_size=200), st.sampled_from(STARTS), st.sampled_from(("both", "nvgre", "plain")), flags, flags)
def test_any_octets_are_dissected(octets, start, reading, verify, cut):
    dissection = dissect(octets, start=start, gre_key_as=reading, verify=verify, cut=cut)
    assert dissection.layers or dissection.error or cut


@given(st.binary(min_size=1, max_size=4000), st.integers(21, 400), st.randoms(use_true_random=False))
def test_segments_in_any_order_make_the_frame(frame, max_octets, rng):
    src, dst = Ip(b"\1" * 4), Ip(b"\2" * 4)
    pieces = list(stt_frame.segments(stt.Stt(1), frame, src=src, dst=dst, sport=1, id=1, max_octets=max_octets))
    rng.shuffle(pieces)
    assembly = SttReassembly(Limits(octets=10**7, source_octets=10**7))
    results = []
    for piece in pieces:
        segment, end = stt.SttSegment.parse(piece)
        results.append(assembly.add(segment, piece[end:], src=src, dst=dst, now=0.0))
    assert results[:-1] == [None] * (len(pieces) - 1)
    assert results[-1].octets == stt.Stt(1).pack() + frame


pieces = st.tuples(st.integers(0, 3), st.integers(0, 70), st.binary(max_size=30), st.none() | st.integers(0, 80))


@given(st.lists(pieces, max_size=40))
def test_whatever_pieces_come_memory_is_bounded_and_whole_packets_hold_what_was_said(several):
    assembly = Reassembly(Limits(octets=1500, source_octets=800, packets=3))
    for now, (key, offset, octets, total) in enumerate(several):
        result = assembly.add(key, offset, octets, source=key % 2, total=total, now=float(now), header=offset)
        assert assembly.octets <= 1500
        assert len(assembly) <= 3
        if isinstance(result, Whole):
            assert octets in result.octets
            assert total is None or len(result.octets) == total


@given(st.lists(st.tuples(ipv4s, st.binary(max_size=40)), max_size=5))
def test_any_fragments_are_taken_or_refused(several):
    assembly = Ipv4Reassembly()
    for header, payload in several:
        packet = assembly.add(header, payload, 0.0)
        if isinstance(packet, bytes):
            assert ipv4.Ipv4.parse(packet)[0].src == header.src


def dissect_mutated(rng, number):
    """Dissect packets that were damaged in every way; the packet that does harm is named."""
    for _ in range(number):
        octets = mutated(rng, SEEDS)
        try:
            dissect(octets, gre_key_as=rng.choice(("both", "nvgre", "plain")), verify=rng.random() < 0.5)
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error} from {octets.hex()}")


@pytest.mark.parametrize("seed", range(40))
def test_damaged_packets_are_dissected(seed):
    dissect_mutated(random.Random(seed), 25_000)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_million_freshly_damaged_packets_are_dissected(capsys):
    seed = int(os.environ.get("WEFT_SEED") or random.SystemRandom().getrandbits(32))
    with capsys.disabled():
        print(f"\nWEFT_SEED={seed}")
    dissect_mutated(random.Random(seed), 1_000_000)
