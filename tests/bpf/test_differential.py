"""The eBPF program against the pipeline: any frame, same answer. Frames are made by Hypothesis.

One state runs through a whole example: what a frame teaches, the next ones feel.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.frames import eth, mac, udp4
from support.planes import EbpfBench, ebpf_bench, outcome_of
from support.topology import (
    ALLOWED,
    BLUE,
    EITHER_HOST,
    FAR,
    FAR_HOST,
    LOCAL,
    LOST_HOST,
    NEAR,
    PINNED_HOST,
    RED,
    REMOTE_HOST,
    STRANGER,
    snapshot,
)
from weft.forwarding import pipeline
from weft.values import BROADCAST, Ip, Mac
from weft.wire import ethernet, ipv4, udp
from weft.wire.encap import vxlan

pytestmark = [pytest.mark.root, pytest.mark.timeout(1800)]

HOSTS = [mac(0x101), mac(0x102), REMOTE_HOST, FAR_HOST, LOST_HOST, PINNED_HOST, EITHER_HOST, mac(0x999), BROADCAST]
HOSTS += [Mac.parse("01:80:c2:00:00:0e"), Mac.parse("33:33:00:00:00:01"), Mac(bytes(6))]
macs = st.sampled_from(HOSTS) | st.binary(min_size=6, max_size=6).map(Mac)
octets = st.binary(max_size=200)
# The kernel's test run itself refuses IP frames that end within the header: those are tested over interfaces.
ethertypes = st.sampled_from([0x0806, 0x8100, 0x88A8, 0x88CC, 0x6558]) | st.integers(0, 0xFFFF).filter(
    lambda number: number not in (0x0800, 0x86DD)
)


@st.composite
def ipv4_frames(draw: st.DrawFn) -> bytes:
    """IPv4 of every protocol, fragments, options, header lengths that lie."""
    body = draw(octets)
    header = bytearray(
        ipv4.Ipv4(
            src=Ip(draw(st.binary(min_size=4, max_size=4))),
            dst=Ip(draw(st.binary(min_size=4, max_size=4))),
            protocol=draw(st.sampled_from([6, 17, 132]) | st.integers(0, 255)),
            total_length=draw(st.just(20 + len(body)) | st.integers(0, 65535)),
            tos=draw(st.integers(0, 255)),
            df=draw(st.booleans()),
            mf=draw(st.sampled_from([False, False, True])),
            fragment_offset=draw(st.sampled_from([0, 0, 0, 1480])),
        ).pack()
    )
    header[0] = 0x40 | draw(st.sampled_from([5, 5, 5, 6, 15, 0, 4]))
    return eth(draw(macs), draw(macs), ethernet.IPV4, bytes(header) + body)


@st.composite
def ipv6_frames(draw: st.DrawFn) -> bytes:
    header = bytearray(draw(st.binary(min_size=40, max_size=40)))
    header[0] = 0x60 | header[0] & 0xF
    header[6] = draw(st.sampled_from([6, 17, 58, 44, 0, 132]) | st.integers(0, 255))
    return eth(draw(macs), draw(macs), ethernet.IPV6, bytes(header) + draw(octets))


other_frames = st.builds(eth, macs, macs, ethertypes, octets)
tenant_frames = ipv4_frames() | ipv6_frames() | other_frames | st.builds(udp4, macs, macs, octets)


@st.composite
def tunnel_packets(draw: st.DrawFn) -> bytes:
    """Packets for the VTEP, most of them acceptable, then perhaps one octet changed or the end cut off."""
    inner = draw(tenant_frames | st.binary(max_size=60))
    length = udp.LENGTH + vxlan.LENGTH + len(inner)
    outer = ipv4.Ipv4(
        src=draw(st.sampled_from([NEAR, NEAR, NEAR, FAR, ALLOWED, STRANGER])),
        dst=draw(st.sampled_from([LOCAL, LOCAL, LOCAL, STRANGER])),
        protocol=draw(st.sampled_from([17, 17, 17, 6])),
        total_length=20 + length,
        tos=draw(st.integers(0, 255)),
        mf=draw(st.sampled_from([False, False, False, True])),
    )
    vni = draw(st.sampled_from([RED, RED, RED, BLUE, 4242]))
    link = ethernet.Ethernet(mac(0xE1), mac(0xF0), ethernet.IPV4).pack()
    datagram = udp.Udp(draw(st.integers(0, 65535)), draw(st.sampled_from([4789, 4789, 4789, 53])), length).pack()
    packet = bytearray(link + outer.pack() + datagram + vxlan.Vxlan(vni).pack() + inner)
    if draw(st.booleans()):
        packet[draw(st.integers(14, len(packet) - 1))] = draw(st.integers(0, 255))
    packet += draw(st.sampled_from([b"", b"", b"trailer"]))
    # An IPv4 header that is not whole is refused by the test run itself, not by the program.
    return bytes(packet[: draw(st.sampled_from([len(packet), len(packet), max(34, len(packet) - 20)]))])


@pytest.fixture(scope="module")
def bench() -> Iterator[EbpfBench]:
    with ebpf_bench() as made:
        yield made


events = st.tuples(st.integers(0, 2), tenant_frames) | st.tuples(st.just(3), tunnel_packets())


LONG = bool(os.environ.get("WEFT_LONG"))


# The same frames in every ordinary run; new ones, and many more, in a long one.
@settings(
    max_examples=30_000 if LONG else 1000,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(events, min_size=1, max_size=12),
    learn_from_tunnels=st.booleans(),
    strict=st.booleans(),
    mtu=st.sampled_from([1500, 150]),
)
def test_program_and_pipeline_give_the_same_answer(
    bench: EbpfBench, steps: list[tuple[int, bytes]], learn_from_tunnels: bool, strict: bool, mtu: int
) -> None:
    rows = snapshot(bench.interfaces, learn_from_tunnels=learn_from_tunnels, strict=strict, mtu=mtu)
    bench.load(rows)
    bench.plane.forget([(entry.bridge, entry.mac) for entry in bench.plane.learned()])
    bench.plane.facts()
    state, facts = pipeline.State(), []
    for where, frame in steps:
        ifindex = bench.interfaces.underlay[0] if where == 3 else bench.interfaces.ports[where]
        result = pipeline.step(state, rows, ifindex, frame, now=0.0)
        assert bench.inject(ifindex, frame) == outcome_of(result), (ifindex, frame.hex())
        state = result.state
        facts += result.facts
    assert bench.plane.facts() == facts
