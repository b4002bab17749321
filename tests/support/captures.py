"""Capture files, written with struct alone so that the reader under test is not its own judge."""

from __future__ import annotations

import struct
from collections.abc import Iterable

Packet = tuple[int, bytes]
"""(ns since 1970, octets)."""

NOW_NS = 1_700_000_000_123_456_789


def timed(packets: Iterable[bytes], start_ns: int = NOW_NS, step_ns: int = 1_001_000) -> list[Packet]:
    return [(start_ns + number * step_ns, octets) for number, octets in enumerate(packets)]


def pcap(packets: Iterable[Packet], order: str = "<", nanoseconds: bool = True, link: int = 1) -> bytes:
    magic, tick = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)]
    for time_ns, octets in packets:
        seconds, rest = divmod(time_ns, 10**9)
        parts += [struct.pack(order + "IIII", seconds, rest // tick, len(octets), len(octets)), octets]
    return b"".join(parts)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    total = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + total + body + total


def section(order: str = "<") -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str = "<", link: int = 1, resolution: int | None = None, offset_s: int | None = None) -> bytes:
    options = b""
    if resolution is not None:
        options += struct.pack(order + "HHB3x", 9, 1, resolution)
    if offset_s is not None:
        options += struct.pack(order + "HHq", 14, 8, offset_s)
    if options:
        options += bytes(4)
    return block(order, 1, struct.pack(order + "HHI", link, 0, 65535) + options)


def enhanced(packet: bytes, ticks: int, order: str = "<", number: int = 0, length: int | None = None) -> bytes:
    head = (number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet) if length is None else length)
    return block(order, 6, struct.pack(order + "IIIII", *head) + packet)


def simple(packet: bytes, order: str = "<") -> bytes:
    return block(order, 3, struct.pack(order + "I", len(packet)) + packet)


def pcapng(packets: Iterable[Packet], order: str = "<") -> bytes:
    """One section with one interface that counts nanoseconds."""
    parts = [section(order), interface(order, resolution=9)]
    return b"".join([*parts, *(enhanced(octets, time_ns, order) for time_ns, octets in packets)])
