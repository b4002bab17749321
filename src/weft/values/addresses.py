"""MAC and IP addresses and IP prefixes: immutable, comparable, hashable, checked once when made.

`octets` is the wire form, so packing costs nothing; text appears only at the edges (`parse`, `str`).
"""

from __future__ import annotations

import ipaddress
import re

from msgspec import Struct

from weft.values.errors import InvalidValue

_MAC_TEXT = re.compile(r"[0-9a-fA-F]{1,2}([:-])(?:[0-9a-fA-F]{1,2}\1){4}[0-9a-fA-F]{1,2}")


class Mac(Struct, frozen=True, order=True, gc=False):
    """A 48-bit MAC address; `octets` has length 6."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 6:
            raise InvalidValue(f"a MAC address has 6 octets, not {len(self.octets)}")

    @classmethod
    def parse(cls, text: str) -> Mac:
        """Read `aa:bb:cc:dd:ee:ff` (or with dashes). Raises InvalidValue."""
        if not _MAC_TEXT.fullmatch(text):
            raise InvalidValue(f"{text!r} is not a MAC address such as 02:00:00:00:00:0a")
        return cls(bytes(int(part, 16) for part in re.split("[:-]", text)))

    def __str__(self) -> str:
        return self.octets.hex(":")

    @property
    def is_group(self) -> bool:
        """True for multicast and broadcast: the lowest bit of the first octet (IEEE 802, I/G bit)."""
        return bool(self.octets[0] & 1)

    @property
    def is_zero(self) -> bool:
        return self.octets == bytes(6)


BROADCAST = Mac(b"\xff" * 6)


class Ip(Struct, frozen=True, order=True, gc=False):
    """An IPv4 or IPv6 address; `octets` has length 4 or 16."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) not in (4, 16):
            raise InvalidValue(f"an IP address has 4 or 16 octets, not {len(self.octets)}")

    @classmethod
    def parse(cls, text: str) -> Ip:
        """Read dotted or colon form, without a zone. Raises InvalidValue."""
        try:
            return cls(ipaddress.ip_address(text).packed if "%" not in text else b"")
        except (ValueError, InvalidValue):
            raise InvalidValue(f"{text!r} is not an IP address") from None

    def __str__(self) -> str:
        if len(self.octets) == 4:
            return ".".join(map(str, self.octets))
        return str(ipaddress.IPv6Address(self.octets))

    @property
    def version(self) -> int:
        """4 or 6."""
        return 4 if len(self.octets) == 4 else 6

    @property
    def bits(self) -> int:
        """32 or 128."""
        return len(self.octets) * 8


class Prefix(Struct, frozen=True, order=True, gc=False):
    """An address with a prefix length in bits. Host bits may be set: `10.1.10.1/24` is an interface's address."""

    ip: Ip
    length: int

    def __post_init__(self) -> None:
        if not 0 <= self.length <= self.ip.bits:
            raise InvalidValue(f"prefix length {self.length} is not within 0..{self.ip.bits}")

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """Read `address/length`; a bare address is a host prefix. Raises InvalidValue."""
        address, slash, length = text.partition("/")
        ip = Ip.parse(address)
        if not slash:
            return cls(ip, ip.bits)
        if not length.isascii() or not length.isdigit():
            raise InvalidValue(f"{text!r} is not a prefix such as 10.1.10.0/24")
        return cls(ip, int(length))

    def __str__(self) -> str:
        return f"{self.ip}/{self.length}"

    @property
    def network(self) -> Prefix:
        """The same prefix with its host bits cleared."""
        shift = self.ip.bits - self.length
        number = int.from_bytes(self.ip.octets, "big") >> shift << shift
        return Prefix(Ip(number.to_bytes(len(self.ip.octets), "big")), self.length)

    def __contains__(self, ip: object) -> bool:
        if not isinstance(ip, Ip) or ip.bits != self.ip.bits:
            return False
        return Prefix(ip, self.length).network == self.network
