"""Real interfaces: veth pairs between a namespace with a data plane and one with sockets at the far ends.

namespace "vtep"                namespace "far"
p1 p2 p3 (ports) ──────────────── p1 p2 p3
u1 u2 (underlay) ──────────────── u1 u2
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from support.frames import mac
from support.topology import Interfaces
from support.wait import wait_until
from weft.host import netns
from weft.host.links import End, links_of

NAMES = ("p1", "p2", "p3", "u1", "u2")
_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23
_VNET = struct.Struct("=BBHHHH")
_GSO_TCPV4, _NEEDS_CSUM = 1, 1


class Wires:
    """The far ends, as packet sockets that carry virtio-net headers, so that GSO frames stay whole."""

    def __init__(self, sockets: dict[str, socket.socket], interfaces: Interfaces, vtep: str) -> None:
        self.interfaces = interfaces
        self.vtep = vtep
        self._sockets = sockets
        indexes = (*interfaces.ports, *interfaces.underlay)
        self.index = dict(zip(NAMES, indexes, strict=True))

    def send(self, name: str, frame: bytes) -> None:
        """Put a frame on the wire at a far end."""
        self._sockets[name].send(_VNET.pack(0, 0, 0, 0, 0, 0) + frame)

    def send_tcp4_gso(self, name: str, frame: bytes, segment_octets: int) -> None:
        """Put an IPv4 TCP super-frame on the wire, to be cut into segments of so much payload."""
        self._sockets[name].send(_VNET.pack(_NEEDS_CSUM, _GSO_TCPV4, 54, segment_octets, 34, 16) + frame)

    def collect(self, count: int, deadline_s: float = 2.0, quiet_s: float = 0.05) -> list[tuple[str, bytes]]:
        """(far end, frame) of everything that arrives: at least `count`, then until nothing more comes."""
        seen: list[tuple[str, bytes]] = []
        by_fd = {sock.fileno(): (name, sock) for name, sock in self._sockets.items()}
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            ready, _, _ = select.select(by_fd, [], [], quiet_s if len(seen) >= count else end - time.monotonic())
            if not ready and len(seen) >= count:
                break
            for fd in ready:
                name, sock = by_fd[fd]
                with suppress(OSError):  # nothing there after all, or the cable is gone
                    seen.append((name, sock.recv(1 << 17)[_VNET.size :]))
        return seen


@contextmanager
def wires(mtu: int = 9000) -> Iterator[Wires]:
    """Both namespaces, their cables, and sockets at the far ends; all gone afterwards."""
    vtep, far = (f"weft-test-{os.getpid()}-{role}" for role in ("vtep", "far"))
    with ExitStack() as stack:
        for name in (vtep, far):
            netns.create(name)
            stack.callback(netns.delete, name)
            with netns.entered(name):
                netns.set_sysctls({f"net/ipv6/conf/{which}/disable_ipv6": "1" for which in ("all", "default")})
        links = stack.enter_context(links_of(vtep))
        for number, name in enumerate(NAMES):
            near = mac(0xE1 + number - 3) if name.startswith("u") else mac(0xA0 + number)
            links.add_veth(End(vtep, name, near, mtu), End(far, name, mac(0xB0 + number), mtu))
        with links_of(far) as others:
            for name in NAMES:
                links.up(name)
                others.up(name)
            wait_until("the cables pass frames", lambda: all(links.passes_frames(name) for name in NAMES))
        sockets = {}
        with netns.entered(far):
            for name in NAMES:
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                sock.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
                sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
                sock.bind((name, _ETH_P_ALL))
                sock.setblocking(False)
                sockets[name] = stack.enter_context(sock)
        ports = [links.index(name) for name in NAMES]
        interfaces = Interfaces((ports[0], ports[1], ports[2]), (ports[3], ports[4]), (mac(0xE1), mac(0xE2)))
        yield Wires(sockets, interfaces, vtep)
