"""Data planes under test behind one face: put a frame in, see what comes out.

For the eBPF plane the frame goes through BPF_PROG_TEST_RUN. That shows the last copy and how many there were;
the tests compare that with the pipeline's outputs, and the interface tests compare every copy.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import Struct
from pyroute2 import IPRoute

from support.frames import mac
from support.topology import Interfaces
from weft.dataplane.base import DataPlane
from weft.dataplane.ebpf.plane import EbpfDataPlane
from weft.dataplane.fake import FakeDataPlane
from weft.forwarding.drops import COUNTERS, Drop
from weft.forwarding.pipeline import Result
from weft.forwarding.snapshot import EMPTY, Snapshot, diff
from weft.host import bpf, netns


class Outcome(Struct, frozen=True):
    """What both can show: the reason, or the last copy, its interface and the number of copies."""

    drop: Drop | None
    passed: bool
    copies: int
    ifindex: int
    octets: bytes


def outcome_of(result: Result) -> Outcome:
    """The pipeline's answer in the same terms."""
    if not result.outputs:
        return Outcome(result.drop, result.passed, 0, 0, b"")
    last = result.outputs[-1]
    return Outcome(result.drop, result.passed, len(result.outputs), last.ifindex, last.octets)


class Bench(Protocol):
    """A data plane on a bench."""

    plane: DataPlane
    interfaces: Interfaces

    def load(self, snapshot: Snapshot) -> None: ...
    def inject(self, ifindex: int, frame: bytes) -> Outcome: ...


class FakeBench:
    def __init__(self) -> None:
        self.interfaces = Interfaces()
        self.fake = FakeDataPlane(time.monotonic)
        self.plane: DataPlane = self.fake
        self._loaded = EMPTY

    def load(self, snapshot: Snapshot) -> None:
        assert self.plane.apply(diff(self._loaded, snapshot)) == ()
        self._loaded = snapshot

    def inject(self, ifindex: int, frame: bytes) -> Outcome:
        return outcome_of(self.fake.inject(ifindex, frame))


class EbpfBench:
    """The eBPF plane in the current namespace; rows name real devices, programs run by BPF_PROG_TEST_RUN."""

    def __init__(self, interfaces: Interfaces) -> None:
        self.interfaces = interfaces
        self.ebpf = EbpfDataPlane()
        self.plane: DataPlane = self.ebpf
        self._loaded = EMPTY

    def load(self, snapshot: Snapshot) -> None:
        errors = self.plane.apply(diff(self._loaded, snapshot))
        assert errors == (), errors
        self._loaded = snapshot

    def reset(self) -> None:
        """No rows, nothing learned, nothing reported, every counter zero."""
        self.load(EMPTY)
        self.plane.forget([(entry.bridge, entry.mac) for entry in self.plane.learned()])
        for index in range(COUNTERS):
            self.ebpf._maps["counters"].update(index.to_bytes(4, sys.byteorder), b"")
        self.plane.facts()

    def _program(self, ifindex: int) -> int:
        if ifindex in self.interfaces.underlay:
            name = "weft_from_underlay"
        else:
            name = "weft_not_underlay" if ifindex == self.interfaces.closed else "weft_from_port"
        return self.ebpf.programs[name]

    def inject(self, ifindex: int, frame: bytes) -> Outcome:
        run = bpf.run_program(self._program(ifindex), frame, ifindex)
        reason, egress, copies = run.cb[:3]
        if reason:
            return Outcome(Drop(reason), False, 0, 0, b"")
        if run.action == 0xFFFFFFFF:
            return Outcome(None, True, 0, 0, b"")
        return Outcome(None, False, copies, egress, run.data)


def make_devices() -> Interfaces:
    """Veth pairs with large MTUs in the current namespace; the far ends stay silent."""
    with IPRoute() as ip:

        def pair(name: str, address: str | None = None) -> int:
            extra = {"address": address} if address else {}
            ip.link("add", ifname=name, kind="veth", mtu=9000, peer={"ifname": f"{name}-far", "mtu": 9000}, **extra)
            for end in (name, f"{name}-far"):
                ip.link("set", index=ip.link_lookup(ifname=end)[0], state="up")
            return int(ip.link_lookup(ifname=name)[0])

        p1, p2, p3 = (pair(f"p{number}") for number in (1, 2, 3))
        u1, u2 = (pair(f"u{i + 1}", str(mac(0xE1 + i))) for i in (0, 1))
        return Interfaces((p1, p2, p3), (u1, u2), (mac(0xE1), mac(0xE2)), pair("silent"))


@contextmanager
def ebpf_bench() -> Iterator[EbpfBench]:
    """A bench in a namespace of its own, gone afterwards."""
    with netns.scratch():
        netns.set_sysctls({f"net/ipv6/conf/{name}/disable_ipv6": "1" for name in ("all", "default")})
        bench = EbpfBench(make_devices())
        try:
            yield bench
        finally:
            bench.plane.close(keep=False)
