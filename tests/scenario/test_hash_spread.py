"""What `weft hash` predicts, measured: real packets of every encapsulation through a router with equal-cost links.

The kernel's hash is not weft's model of one, so single flows take other links; what must agree is how many links carry
how much. A flow takes each of N links with probability 1/N, together with all flows that the router cannot tell from
it: groups of w flows. The load of a link has mean n/N and variance sum(w^2) (1/N)(1 - 1/N); measured and predicted
loads must lie within five standard deviations, which a fair hash leaves once in two million links.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from support.packets import frame, ip, tcp
from weft.capture.encap import Encapsulator
from weft.capture.spread import Flows, Spread, Switch, spread
from weft.forwarding import flowhash
from weft.values import Encap, Ip, Mac

pytestmark = pytest.mark.root

LINKS = 4
FLOWS = 3000
ROUTER_MAC = Mac.parse("02:00:00:00:01:01")
SRC, DST = Ip.parse("198.18.0.1"), Ip.parse("198.18.1.1")
OUTER_PORTS = 1
CUSTOM = 3
INNER_FIVE_TUPLE = 0x7C0  # fib_multipath_hash_fields: inner addresses, protocol and ports
DEADLINE_S = 20.0
SENDER = """
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("in", 0))
for line in sys.stdin:
    out.send(bytes.fromhex(line))
"""


class Router:
    """A namespace with one link in and LINKS out, which ask for no neighbours and count what they send."""

    def __init__(self) -> None:
        tag = f"wt{os.getpid()}"
        self.host, self.name = f"{tag}h", f"{tag}r"

    def run(self, *words: str) -> str:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def start(self) -> None:
        for name in (self.host, self.name):
            self.run("ip", "netns", "add", name)
        quiet = ("net.ipv6.conf.default.disable_ipv6=1", "net.ipv6.conf.all.disable_ipv6=1")
        self.run("ip", "netns", "exec", self.host, "sysctl", "-qw", *quiet)
        self.sysctl(*quiet)
        self.sysctl("net.ipv4.ip_forward=1", "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.rp_filter=0")
        peer = ("peer", "name", "in", "address", str(ROUTER_MAC), "netns", self.name)
        self.run("ip", "-n", self.host, "link", "add", "in", "type", "veth", *peer)
        self.run("ip", "-n", self.host, "link", "set", "in", "up")
        self.run("ip", "-n", self.name, "link", "set", "in", "mtu", "9000", "up")
        self.run("ip", "-n", self.host, "link", "set", "in", "mtu", "9000")
        self.run("ip", "-n", self.name, "address", "add", "198.18.0.254/24", "dev", "in")
        hops = []
        for link in range(LINKS):
            end = ("type", "veth", "peer", "name", f"out{link}", "netns", self.host)
            self.run("ip", "-n", self.name, "link", "add", f"out{link}", "mtu", "9000", *end)
            self.run("ip", "-n", self.host, "link", "set", f"out{link}", "up")
            self.run("ip", "-n", self.name, "link", "set", f"out{link}", "arp", "off", "up")
            hops += ["nexthop", "dev", f"out{link}"]
        self.run("ip", "-n", self.name, "route", "add", f"{DST}/32", *hops)

    def sysctl(self, *settings: str) -> None:
        self.run("ip", "netns", "exec", self.name, "sysctl", "-qw", *settings)

    def stop(self) -> None:
        for name in (self.host, self.name):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def sent(self) -> list[int]:
        links = {link["ifname"]: link for link in json.loads(self.run("ip", "-n", self.name, "-s", "-j", "link"))}
        return [links[f"out{number}"]["stats64"]["tx"]["packets"] for number in range(LINKS)]

    def forward(self, packets: list[bytes]) -> tuple[int, ...]:
        """Send packets in, wait until all have gone out; returns how many each link carried."""
        before = self.sent()
        command = ["ip", "netns", "exec", self.host, sys.executable, "-c", SENDER]
        text = "".join(packet.hex() + "\n" for packet in packets)
        subprocess.run(command, input=text, text=True, check=True)
        deadline = time.monotonic() + DEADLINE_S
        while sum(loads := [now - then for now, then in zip(self.sent(), before, strict=True)]) < len(packets):
            assert time.monotonic() < deadline, f"{sum(loads)} of {len(packets)} packets were forwarded"
        return tuple(loads)


@pytest.fixture(scope="module")
def router() -> Iterator[Router]:
    made = Router()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def tenant_frames() -> list[bytes]:
    pair = Ip.parse("10.0.0.1"), Ip.parse("10.0.0.2")
    return [frame(*ip(6, tcp(20000 + number, 443, b"data"), pair)) for number in range(FLOWS)]


def flows_of(frames: list[bytes]) -> Flows:
    hashes = np.array([flowhash.flow_hash(inner) for inner in frames], np.uint64)
    ones = np.ones(len(frames), np.int64)
    return Flows(hashes, np.arange(len(frames), dtype=np.uint64), np.zeros(len(frames), np.uint64), ones, ones)


def predicted(frames: list[bytes], encap: Encap, switch: Switch) -> Spread:
    flows = flows_of(frames)
    return spread(flows, LINKS, flows.packets, encap, switch, 1, 1)


def packets_of(frames: list[bytes], encap: Encap) -> list[bytes]:
    work = Encapsulator(encap, 5001, SRC, DST)
    return [ROUTER_MAC.octets + packet[6:] for inner in frames for packet in work.wrap(inner)]


def bound(groups: list[int]) -> float:
    return 5 * math.sqrt(sum(size * size for size in groups) * (1 / LINKS) * (1 - 1 / LINKS))


def check(measured: tuple[int, ...], prediction: Spread, groups: list[int]) -> None:
    assert len(groups) == prediction.distinct
    mean = FLOWS / LINKS
    for loads in (measured, prediction.loads):
        assert all(abs(load - mean) < bound(groups) for load in loads), (loads, bound(groups))


@pytest.mark.parametrize("encap", [Encap.VXLAN, Encap.GENEVE, Encap.STT])
def test_entropy_in_the_source_port_spreads_as_predicted(router: Router, encap: Encap) -> None:
    router.sysctl(f"net.ipv4.fib_multipath_hash_policy={OUTER_PORTS}")
    frames = tenant_frames()
    packets = packets_of(frames, encap)
    assert len(packets) == FLOWS
    groups = Counter(packet[34:36] for packet in packets)
    check(router.forward(packets), predicted(frames, encap, Switch.OUTER), list(groups.values()))


@pytest.mark.parametrize("encap", [Encap.GRE, Encap.NVGRE])
def test_gre_takes_one_link_as_predicted(router: Router, encap: Encap) -> None:
    router.sysctl(f"net.ipv4.fib_multipath_hash_policy={OUTER_PORTS}")
    frames = tenant_frames()
    measured = router.forward(packets_of(frames, encap))
    assert measured.count(0) == predicted(frames, encap, Switch.OUTER).idle == LINKS - 1


@pytest.mark.parametrize("encap", [Encap.GRE, Encap.NVGRE])
def test_who_looks_inside_spreads_gre_as_predicted(router: Router, encap: Encap) -> None:
    router.sysctl(
        f"net.ipv4.fib_multipath_hash_policy={CUSTOM}", f"net.ipv4.fib_multipath_hash_fields={INNER_FIVE_TUPLE}"
    )
    frames = tenant_frames()
    check(router.forward(packets_of(frames, encap)), predicted(frames, encap, Switch.INNER), [1] * FLOWS)
