"""ARP for IPv4 over Ethernet, 28 octets (RFC 826).

 0               1               2               3
+-------------------------------+-------------------------------+
|    hardware: 1, Ethernet      |     protocol: 0x0800, IPv4    |
+---------------+---------------+-------------------------------+
|  6 octets     |   4 octets    |  operation: 1 asks, 2 answers |
+---------------+---------------+-------------------------------+
|  sender MAC (6), sender IP (4), target MAC (6), target IP (4) |
"""

from __future__ import annotations

import struct
from typing import Self

from weft.values import Ip, Mac, Malformed, Truncated, WireError
from weft.wire.header import Header

LENGTH = 28
REQUEST, REPLY = 1, 2
_FORMAT = struct.Struct("!IHH6s4s6s4s")
_KIND = 0x00010800
_SIZES = 0x0604


class Arp(Header, frozen=True, gc=False):
    operation: int
    sender_mac: Mac
    sender_ip: Ip
    target_mac: Mac
    target_ip: Ip

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read 28 octets at `offset`. Faults: Truncated, Malformed (not IPv4 over Ethernet)."""
        if len(data) < offset + LENGTH:
            return None, offset, Truncated("an ARP packet", LENGTH, len(data) - offset, offset)
        kind, sizes, operation, *addresses = _FORMAT.unpack_from(data, offset)
        if (kind, sizes) != (_KIND, _SIZES):
            return None, offset, Malformed("the ARP packet is not one for IPv4 over Ethernet", offset)
        sender_mac, sender_ip, target_mac, target_ip = addresses
        arp = cls(operation, Mac(sender_mac), Ip(sender_ip), Mac(target_mac), Ip(target_ip))
        return arp, offset + LENGTH, None

    def pack(self) -> bytes:
        addresses = (self.sender_mac, self.sender_ip, self.target_mac, self.target_ip)
        return _FORMAT.pack(_KIND, _SIZES, self.operation, *(address.octets for address in addresses))
