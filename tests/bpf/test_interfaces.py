"""The eBPF plane over real interfaces: every copy, and GSO frames whole. The pipeline says what is right."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

import pytest

from support.frames import arp_request, eth, mac, udp4
from support.topology import FAR_HOST, REMOTE_HOST, rows_over_wires
from support.wires import Wires, wires
from weft.dataplane.ebpf.plane import EbpfDataPlane
from weft.forwarding import pipeline
from weft.forwarding.drops import Counter as Count
from weft.forwarding.drops import Drop
from weft.forwarding.snapshot import EMPTY, Snapshot, diff
from weft.host import netns
from weft.values import Ip
from weft.wire import ethernet, ipv4
from weft.wire.checksum import ones_complement_sum

pytestmark = pytest.mark.root
HOST_A, HOST_B = mac(0x101), mac(0x102)


class Running:
    """A data plane on real wires, with the rows it was given."""

    def __init__(self, on: Wires, plane: EbpfDataPlane) -> None:
        self.wires = on
        self.plane = plane
        self.rows = EMPTY

    def load(self, rows: Snapshot) -> None:
        with netns.entered(self.wires.vtep):
            assert self.plane.apply(diff(self.rows, rows)) == ()
        self.rows = rows


@pytest.fixture(params=["tcx", "clsact"])
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """The plane attached by TCX links, and by clsact filters as on kernels before 6.6."""
    with wires() as on:
        with netns.entered(on.vtep):
            plane = EbpfDataPlane(hook=request.param)
        made = Running(on, plane)
        made.load(rows_over_wires(on.interfaces))
        yield made
        with netns.entered(on.vtep):
            plane.close(keep=False)


def expected(running: Running, name: str, *frames: bytes) -> Counter[tuple[str, bytes]]:
    """What the pipeline sends for the last frame, by far end."""
    names = {index: name for name, index in running.wires.index.items()}
    state = pipeline.State()
    for frame in frames:
        result = pipeline.step(state, running.rows, running.wires.index[name], frame, now=0.0)
        state = result.state
    return Counter((names[output.ifindex], output.octets) for output in result.outputs)


@pytest.mark.parametrize(
    "frame",
    [
        arp_request(HOST_A),
        udp4(mac(0x999), HOST_A),
        udp4(REMOTE_HOST, HOST_A, sport=7),
        eth(FAR_HOST, HOST_A, 0x88B5, b"tiny"),
        eth(FAR_HOST, HOST_A, ethernet.IPV6, b"\x60" + bytes(5) + b"\x11" + bytes(60)),
    ],
    ids=["broadcast", "unknown-unicast", "unicast", "tiny-non-ip", "ipv6"],
)
def test_every_copy_of_a_tenant_frame_is_as_specified(running: Running, frame: bytes) -> None:
    want = expected(running, "p1", frame)
    running.wires.send("p1", frame)
    assert Counter(running.wires.collect(want.total())) == want


def test_every_copy_out_of_a_tunnel_is_as_specified(running: Running) -> None:
    on = running.wires
    for inner in (arp_request(REMOTE_HOST), udp4(mac(0x999), REMOTE_HOST)):
        (packet,) = [octets for name, octets in expected(running, "p1", udp4(REMOTE_HOST, HOST_A))]
        outer = ipv4.Ipv4(src=Ip.parse("10.0.0.2"), dst=Ip.parse("10.0.0.1"), protocol=17, total_length=36 + len(inner))
        link = ethernet.Ethernet(on.interfaces.macs[0], mac(0xF0), ethernet.IPV4)
        packet = link.pack() + outer.pack() + packet[34:38] + struct.pack("!HH", 16 + len(inner), 0) + packet[42:50]
        want = expected(running, "u1", packet + inner)
        assert want.total() == 2
        on.send("u1", packet + inner)
        assert Counter(on.collect(2)) == want


def test_local_ports_reach_each_other_without_a_tunnel(running: Running) -> None:
    on = running.wires
    on.send("p2", arp_request(HOST_B))
    on.collect(4)
    on.send("p1", udp4(HOST_B, HOST_A))
    assert on.collect(1) == [("p2", udp4(HOST_B, HOST_A))]
    assert running.plane.counters()[Count.SWITCHED_LOCALLY] == 1


def test_a_truncated_ip_frame_from_a_port_is_dropped_by_name(running: Running) -> None:
    """The kernel's test run refuses such frames itself, so this one goes over a wire."""
    running.wires.send("p1", eth(REMOTE_HOST, HOST_A, ethernet.IPV6, bytes(39)))
    running.wires.send("p1", udp4(REMOTE_HOST, HOST_A))
    assert len(running.wires.collect(1)) == 1
    assert running.plane.drops()[Drop.INNER_TRUNCATED] == 1


def tcp4(payload: bytes) -> bytes:
    """A TCP segment with the checksum field as a GSO sender leaves it: the pseudo header's sum."""
    length = 20 + len(payload)
    header = struct.pack("!HHIIBBHHH", 5000, 80, 1, 0, 0x50, 0x10, 65535, 0, 0)
    addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
    pseudo = ones_complement_sum(addresses + struct.pack("!BBH", 0, 6, length))
    ip = ipv4.Ipv4(src=Ip(addresses[:4]), dst=Ip(addresses[4:]), protocol=6, total_length=20 + length, df=True)
    segment = header[:16] + struct.pack("!H", pseudo) + header[18:] + payload
    return eth(REMOTE_HOST, HOST_A, ethernet.IPV4, ip.pack() + segment)


def test_a_super_frame_is_encapsulated_once_and_whole(running: Running) -> None:
    """A 30 kB TCP super-frame crosses as one packet: same octets as the pipeline would give without a size limit."""
    frame = tcp4(bytes(30_000))
    running.wires.send_tcp4_gso("p1", frame, segment_octets=1400)
    unlimited = Snapshot.of([*running.rows.rows(), *rows_over_wires(running.wires.interfaces, mtu=65535).rows()])
    result = pipeline.step(pipeline.State(), unlimited, running.wires.index["p1"], frame, now=0.0)
    (got,) = running.wires.collect(1)
    assert got[1] == result.outputs[0].octets


def test_a_super_frame_whose_segments_do_not_fit_is_too_big(running: Running) -> None:
    running.wires.send_tcp4_gso("p1", tcp4(bytes(30_000)), segment_octets=1411)
    running.wires.send("p1", udp4(REMOTE_HOST, HOST_A))
    assert len(running.wires.collect(1)) == 1
    assert running.plane.drops()[Drop.TOO_BIG] == 1


def test_traffic_is_counted_on_both_ports(running: Running) -> None:
    on = running.wires
    frame = arp_request(HOST_A)
    on.send("p1", frame)
    on.collect(3)
    counters = running.plane.port_counters()
    sent, received = (counters[on.index[name]] for name in ("p1", "p2"))
    assert (sent.rx_packets, sent.rx_octets, sent.tx_packets) == (1, len(frame), 0)
    assert (received.tx_packets, received.tx_octets, received.rx_packets) == (1, len(frame), 0)


def test_addresses_age_and_are_reported_in_order(running: Running) -> None:
    on, plane = running.wires, running.plane
    on.send("p1", arp_request(HOST_A))
    on.collect(3)
    (entry,) = plane.learned()
    plane.age(entry.last_seen + 299.0)
    assert len(plane.learned()) == 1
    plane.age(entry.last_seen + 301.0)
    assert plane.learned() == []
    on.send("p1", arp_request(HOST_A))
    on.collect(3)
    assert [type(fact).__name__ for fact in plane.facts()] == ["MacLearned", "MacAged", "MacLearned"]
