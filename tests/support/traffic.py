"""Tenants' traffic: questions and answers over UDP, streams over TCP, and what a tenant's port receives."""

from __future__ import annotations

import hashlib
import os
import random
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from support.machines import Host, Machine
from support.wait import wait_until
from weft.host import netns

_BLOCK_OCTETS = 64 * 1024
_STALLED_S = 15.0
_EVERY_PROTOCOL = 0x0003
_BUFFER_OCTETS = 256 * 1024 * 1024
# Of asm-generic/socket.h, linux/socket.h and linux/if_packet.h; Python has no names for them.
_SO_RCVBUFFORCE = 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6


def open_socket(machine: Machine, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket that belongs to the machine's namespace for good."""
    with netns.entered(machine.namespace):
        return socket.socket(family, kind, protocol)


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def echo(source: Machine, destination: Machine, address: str, timeout_s: float = 3.0, octets: int = 32) -> bool:
    """Ask once over UDP; the destination answers. Whether the same octets came back in time."""
    family = _family(address)
    question = os.urandom(octets)
    with ExitStack() as stack:
        asking, answering = (
            stack.enter_context(open_socket(machine, family, socket.SOCK_DGRAM)) for machine in (source, destination)
        )
        selector = stack.enter_context(selectors.DefaultSelector())
        for udp in (asking, answering):
            udp.setblocking(False)
            selector.register(udp, selectors.EVENT_READ)
        answering.bind(("", 0))
        asking.sendto(question, (address, answering.getsockname()[1]))
        end = time.monotonic() + timeout_s
        while (left_s := end - time.monotonic()) > 0:
            for key, _ in selector.select(left_s):
                data, sender = key.fileobj.recvfrom(65536)  # type: ignore[union-attr]
                if data != question:
                    continue
                if key.fileobj is asking:
                    return True
                answering.sendto(data, sender)
    return False


def silent_pairs(*hosts: Host, timeout_s: float = 3.0) -> list[tuple[str, str, str]]:
    """Ask between every ordered pair, IPv4 and IPv6, once each. Returns those without an answer."""
    return [
        (source.machine.name, destination.machine.name, address)
        for source in hosts
        for destination in hosts
        if source is not destination
        for address in destination.addresses
        if not echo(source.machine, destination.machine, address, timeout_s)
    ]


def wait_reachable(*hosts: Host, deadline_s: float = 15.0) -> None:
    """Until every host reaches every other in both families."""
    wait_until("all hosts reach each other", lambda: not silent_pairs(*hosts, timeout_s=0.5), deadline_s)


class Stream(Struct, frozen=True):
    """A TCP transfer as both ends saw it."""

    sent: str
    received: str
    octets: int
    seconds: float

    @property
    def whole(self) -> bool:
        """What came is what was sent."""
        return self.sent == self.received


def stream(source: Machine, destination: Machine, address: str, octets: int) -> Stream:
    """Send pseudo-random octets over one TCP connection. Raises TimeoutError if it stalls."""
    with ExitStack() as stack:
        listening, sending = (
            stack.enter_context(open_socket(machine, _family(address), socket.SOCK_STREAM))
            for machine in (destination, source)
        )
        listening.bind((address, 0))
        listening.listen(1)
        for tcp in (listening, sending):
            tcp.settimeout(_STALLED_S)
        start = time.monotonic()
        sending.connect(listening.getsockname()[:2])
        receiving, _ = listening.accept()
        stack.enter_context(receiving)
        receiving.settimeout(_STALLED_S)
        sent: list[str] = []
        work = threading.Thread(target=lambda: sent.append(_send(sending, octets)), daemon=True)
        work.start()
        received, total = _receive(receiving)
        work.join(_STALLED_S)
        return Stream(sent[0] if sent else "the sender failed", received, total, time.monotonic() - start)


def _send(tcp: socket.socket, octets: int) -> str:
    content, digest, left = random.Random(octets), hashlib.sha256(), octets
    while left:
        block = content.randbytes(min(left, _BLOCK_OCTETS))
        digest.update(block)
        tcp.sendall(block)
        left -= len(block)
    tcp.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def _receive(tcp: socket.socket) -> tuple[str, int]:
    digest, total = hashlib.sha256(), 0
    while block := tcp.recv(16 * _BLOCK_OCTETS):
        digest.update(block)
        total += len(block)
    return digest.hexdigest(), total


class Frames(Struct):
    """The sizes, in octets with the Ethernet header, of the frames that passed."""

    sizes: list[int]
    lost: int = 0
    """Frames that the recorder had no room for."""

    @property
    def mean(self) -> float:
        return sum(self.sizes) / max(1, len(self.sizes))

    @property
    def largest(self) -> int:
        return max(self.sizes, default=0)


@contextmanager
def frame_sizes(machine: Machine, port: str, wanted: Callable[[bytes, bool], bool]) -> Iterator[Frames]:
    """Record the sizes of frames at a port that `wanted(first 128 octets, is outgoing)` picks; whole after the block.

    The sizes are those of the kernel's own packets: with GRO or TSO many segments count as one frame.
    """
    frames = Frames([])
    with open_socket(machine, socket.AF_PACKET, socket.SOCK_RAW) as packets:
        packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_OCTETS)
        packets.bind((port, _EVERY_PROTOCOL))
        yield frames
        packets.setblocking(False)
        head = bytearray(128)
        while True:
            try:
                size, _, _, address = packets.recvmsg_into([head], 0, socket.MSG_TRUNC)
            except BlockingIOError:
                break
            if wanted(bytes(head[:size]), address[2] == socket.PACKET_OUTGOING):
                frames.sizes.append(size)
        frames.lost = int.from_bytes(packets.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)[4:], sys.byteorder)


def put(machine: Machine, port: str, frames: list[bytes]) -> None:
    """Send frames as they are out of a port."""
    with open_socket(machine, socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((port, 0))
        for frame in frames:
            wire.send(frame)


def heard(machine: Machine, port: str, frame: bytes, send: Callable[[], None], timeout_s: float = 0.5) -> bool:
    """Whether `frame`, but for padding, comes in at the port within the time after `send()`."""
    with open_socket(machine, socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((port, _EVERY_PROTOCOL))
        send()
        end = time.monotonic() + timeout_s
        while (left_s := end - time.monotonic()) > 0:
            wire.settimeout(left_s)
            try:
                data, address = wire.recvfrom(2048)
            except TimeoutError:
                break
            if address[2] != socket.PACKET_OUTGOING and data.rstrip(b"\0") == frame.rstrip(b"\0"):
                return True
    return False
