"""Prove who reaches whom: real frames from host namespaces, and which hosts received them.

Nothing foreign runs. This process opens sockets in the nodes' namespaces: UDP sockets, so that a node's own kernel
resolves addresses (ARP, ND) and picks routes, and packet sockets, which see whatever arrives. Every probe carries
a nonce of its own; who receives a question on UDP answers it.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from msgspec import Struct

from weft.host import netns
from weft.host.links import link_local, links_of
from weft.lab.plan import NodePlan
from weft.values import Ip, Mac

Nonce = bytes

_ASK, _ANSWER = b"weft-probe-ask:", b"weft-probe-answer:"
_NONCE_OCTETS = 8
_ETHERTYPE = b"\x88\xb5"  # IEEE 802 local experimental ethertype 1
_FRAME_OCTETS = 60  # the shortest Ethernet frame without its check sequence
_EVERY_PROTOCOL = 0x0003
_RECEIVE_OCTETS = 2048
_PACKET_OTHERHOST = 3


class Station(Struct, frozen=True):
    """A node with its sockets open. `port` and `mac` are a host's; spines and leaves have neither."""

    node: NodePlan
    udp: Mapping[int, socket.socket]
    """By IP version, each bound to a free port."""
    raw: socket.socket | None
    mac: Mac
    scope: int
    """The port's index, which link-local addresses need."""

    def stated(self, version: int) -> Ip | None:
        """The first address of this IP version that the configuration gives the node."""
        found = (address.prefix.ip for address in self.node.addresses if address.prefix.ip.version == version)
        return next(found, None)


class Exchange:
    """Sockets in many namespaces and what they have seen. Made by `exchange`."""

    def __init__(self) -> None:
        self.stations: dict[str, Station] = {}
        self.received: dict[Nonce, set[str]] = defaultdict(set)
        """Which nodes a frame with this nonce came to."""
        self.rtt_s: dict[Nonce, float] = {}
        """How long the answer took, for questions that were answered."""
        self._sent: dict[Nonce, float] = {}
        self._source: dict[Nonce, NodePlan] = {}
        self._selector = selectors.DefaultSelector()

    def close(self) -> None:
        """Stop listening; the sockets are the opener's."""
        self._selector.close()

    def add(self, station: Station) -> None:
        self.stations[station.node.name] = station
        for udp in station.udp.values():
            self._selector.register(udp, selectors.EVENT_READ, partial(self._on_datagram, udp))
        if station.raw is not None:
            self._selector.register(station.raw, selectors.EVENT_READ, partial(self._on_frame, station))

    def ask(self, source: Station, destination: Station, address: Ip, nonce: Nonce) -> str | None:
        """Send a UDP question to `address` at the destination's port. Returns why not, if the kernel refuses."""
        port = destination.udp[address.version].getsockname()[1]
        scope = source.scope if address.octets[:2] == b"\xfe\x80" else 0
        target = (str(address), port) if address.version == 4 else (str(address), port, 0, scope)
        self._note(source, nonce)
        try:
            source.udp[address.version].sendto(_ASK + nonce, target)
        except OSError as error:
            return error.strerror
        return None

    def send_frame(self, source: Station, destination: Mac, nonce: Nonce) -> None:
        """Send an Ethernet frame as it is from the source's port, past its kernel's addresses and routes."""
        frame = destination.octets + source.mac.octets + _ETHERTYPE + _ASK + nonce
        self._note(source, nonce)
        if source.raw is not None:
            with suppress(OSError):
                source.raw.send(frame.ljust(_FRAME_OCTETS, b"\0"))

    def wait(self, done: Callable[[], bool], deadline_s: float) -> bool:
        """Receive and answer until `done()` or the deadline. Returns whether it was done."""
        end = time.monotonic() + deadline_s
        while not (finished := done()) and (remaining_s := end - time.monotonic()) > 0:
            self._receive(remaining_s)
        return finished

    def _note(self, source: Station, nonce: Nonce) -> None:
        self._receive(0)
        self._source[nonce] = source.node
        self._sent[nonce] = time.monotonic()

    def _receive(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            with suppress(OSError):
                key.data()

    def _on_datagram(self, udp: socket.socket) -> None:
        payload, sender = udp.recvfrom(_RECEIVE_OCTETS)
        nonce = _nonce(payload, _ANSWER)
        if nonce in self._sent:
            self.rtt_s.setdefault(nonce, time.monotonic() - self._sent[nonce])
        elif payload.startswith(_ASK):
            udp.sendto(_ANSWER + _nonce(payload, _ASK), sender)

    def _on_frame(self, station: Station) -> None:
        if station.raw is None:
            return
        frame, (_, _, kind, *_) = station.raw.recvfrom(_RECEIVE_OCTETS)
        nonce = _nonce(frame, _ASK)
        source = self._source.get(nonce)
        # An ICMP error quotes the question that it answers: what comes back to the source proves nothing.
        if kind == socket.PACKET_OUTGOING or source is None or source is station.node:
            return
        # Flooding of unknown unicast shows a network's hosts each other's frames, which they ignore. Between
        # networks no frame may pass, whomever it is addressed to.
        if kind == _PACKET_OTHERHOST and source.network == station.node.network:
            return
        self.received[nonce].add(station.node.name)


def destination_address(source: Station, destination: Station, version: int) -> Ip | None:
    """Where to send: the stated address; for IPv6, link-local unless both have a stated one."""
    stated = destination.stated(version)
    if version == 4 or (stated is not None and source.stated(version) is not None):
        return stated
    attached = source.node.port is not None and destination.node.port is not None
    return link_local(destination.mac) if attached else None


def new_nonce() -> Nonce:
    return os.urandom(_NONCE_OCTETS)


@contextmanager
def exchange(nodes: Iterable[NodePlan], *, raw: bool) -> Iterator[Exchange]:
    """Open the nodes' UDP sockets and, for `raw`, the packet sockets of the attached hosts."""
    with ExitStack() as stack:
        result = Exchange()
        stack.callback(result.close)
        for node in nodes:
            result.add(_open(node, raw, stack))
        yield result


def echo_mesh(nodes: Iterable[NodePlan], deadline_s: float) -> list[tuple[str, str]]:
    """Send a question between every ordered pair of spines and leaves. Returns the pairs without an answer."""
    with exchange(nodes, raw=False) as field:
        asked = {}
        for source in field.stations.values():
            for destination in field.stations.values():
                address = destination.node.loopback
                if destination is not source and address is not None:
                    nonce = new_nonce()
                    asked[nonce] = (source.node.name, destination.node.name)
                    field.ask(source, destination, address, nonce)
        field.wait(lambda: asked.keys() <= field.rtt_s.keys(), deadline_s)
        return [pair for nonce, pair in asked.items() if nonce not in field.rtt_s]


def _open(node: NodePlan, raw: bool, stack: ExitStack) -> Station:
    mac, scope, packets = Mac(bytes(6)), 0, None
    with netns.entered(node.namespace):
        udp = {4: stack.enter_context(_udp(socket.AF_INET)), 6: stack.enter_context(_udp(socket.AF_INET6))}
        if node.port is not None:
            scope = socket.if_nametoindex(node.port)
            if raw:
                packets = stack.enter_context(_packets(node.port))
    if node.port is not None:
        with links_of(node.namespace) as links:
            mac = links.interfaces()[node.port].mac or mac
    return Station(node, udp, packets, mac, scope)


def _udp(family: int) -> socket.socket:
    result = socket.socket(family, socket.SOCK_DGRAM)
    result.bind(("", 0))
    result.setblocking(False)
    return result


def _packets(port: str) -> socket.socket:
    result = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
    result.bind((port, _EVERY_PROTOCOL))
    result.setblocking(False)
    return result


def _nonce(octets: bytes, mark: bytes) -> Nonce:
    """What follows the mark, wherever it is; empty if it is not there."""
    _, _, rest = octets.partition(mark)
    return rest[:_NONCE_OCTETS]
