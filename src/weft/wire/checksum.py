"""The Internet checksum: ones' complement sum of 16-bit words (RFC 1071)."""

from __future__ import annotations

from weft.values import Malformed


class WrongChecksum(Malformed):
    """A sum over a whole packet does not add up, which means nothing while octets of it are missing."""


def ones_complement_sum(data: bytes, start: int = 0) -> int:
    """The folded 16-bit sum; an odd octet at the end counts as the high half of a word."""
    if len(data) & 1:
        data += b"\0"
    # 2**16 = 1 (mod 0xFFFF): the whole number modulo 0xFFFF is the folded sum, 0 standing for 0xFFFF.
    total = start + int.from_bytes(data, "big")
    return total % 0xFFFF or (0xFFFF if total else 0)


def checksum(data: bytes, start: int = 0) -> int:
    """The checksum field for `data` whose own field is zero."""
    return 0xFFFF ^ ones_complement_sum(data, start)


def is_valid(data: bytes, start: int = 0) -> bool:
    """Whether octets that include their checksum add up (RFC 1071 section 1)."""
    return ones_complement_sum(data, start) == 0xFFFF


def is_valid_behind_ip(octets: bytes, src: bytes, dst: bytes, protocol: int) -> bool:
    """Whether a whole TCP segment, UDP datagram or ICMPv6 message has the right sum."""
    return is_valid(octets, pseudo_header_sum(src, dst, protocol, len(octets)))


def pseudo_header_sum(src: bytes, dst: bytes, protocol: int, length: int) -> int:
    """What a TCP, UDP or ICMPv6 sum starts with: addresses of 4 or 16 octets, the protocol, and `length`, the octets
    of header and payload (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1)."""
    return ones_complement_sum(src + dst, protocol + length)
