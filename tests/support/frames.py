"""Ethernet frames for tests, built with the product's own headers and checked against scapy elsewhere."""

from __future__ import annotations

import struct

from weft.values import Ip, Mac
from weft.wire import checksum, ethernet
from weft.wire.ipv4 import Ipv4


def mac(number: int) -> Mac:
    """A locally administered address ending in `number`."""
    return Mac(b"\x02\0\0\0" + number.to_bytes(2, "big"))


def eth(dst: Mac, src: Mac, ethertype: int, payload: bytes) -> bytes:
    return ethernet.Ethernet(dst, src, ethertype).pack() + payload


def udp4(dst: Mac, src: Mac, payload: bytes = b"hello", *, sport: int = 1000, dport: int = 2000, tos: int = 0) -> bytes:
    """A UDP datagram from 10.0.0.1 to 10.0.0.2 with all checksums right."""
    length = 8 + len(payload)
    addresses = bytes((10, 0, 0, 1, 10, 0, 0, 2))
    header = struct.pack("!HHHH", sport, dport, length, 0)
    pseudo = addresses + struct.pack("!BBH", 0, 17, length)
    sum_ = checksum.checksum(pseudo + header + payload) or 0xFFFF
    datagram = header[:6] + struct.pack("!H", sum_) + payload
    ip = Ipv4(src=Ip(addresses[:4]), dst=Ip(addresses[4:]), protocol=17, total_length=20 + length, tos=tos)
    return eth(dst, src, ethernet.IPV4, ip.pack() + datagram)


def arp_request(src: Mac, dst: Mac = Mac(b"\xff" * 6)) -> bytes:  # noqa: B008 - immutable
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + src.octets + bytes((10, 0, 0, 1)) + bytes(6)
    return eth(dst, src, ethernet.ARP, body + bytes((10, 0, 0, 2)))
