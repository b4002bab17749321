"""The Internet checksum: ones' complement sum of 16-bit words (RFC 1071)."""

from __future__ import annotations


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
