"""Explicit congestion notification across a tunnel (RFC 6040), for any inner frame.

Encapsulation, normal mode (section 4.1): the outer field is a copy of the inner one.
Decapsulation (section 4.2, figure 4): the table below.
"""

from __future__ import annotations

from weft.wire import ethernet

NOT_ECT, ECT1, ECT0, CE = 0, 1, 2, 3


def inner_ecn(frame: bytes) -> int:
    """The ECN field of an Ethernet frame's IP header; Not-ECT for anything else. IP headers must be whole."""
    ethertype = frame[12] << 8 | frame[13]
    if ethertype == ethernet.IPV4:
        return frame[15] & 3
    if ethertype == ethernet.IPV6:
        return frame[15] >> 4 & 3
    return NOT_ECT


def combine(inner: int, outer: int) -> int | None:
    """The inner field after decapsulation, or None: the packet must be dropped.

    An outer CE over Not-ECT is a congestion mark that the inner packet cannot carry.
    """
    if outer == CE:
        return None if inner == NOT_ECT else CE
    if outer == ECT1 and inner == ECT0:
        return ECT1
    return inner


def with_ecn(frame: bytes, ecn: int) -> bytes:
    """The frame with its ECN field replaced and an IPv4 header checksum kept right (RFC 1624)."""
    ethertype = frame[12] << 8 | frame[13]
    if ethertype == ethernet.IPV6:
        return frame[:15] + bytes((frame[15] & 0xCF | ecn << 4,)) + frame[16:]
    if ethertype != ethernet.IPV4:
        return frame
    old, new = frame[14] << 8 | frame[15], frame[14] << 8 | frame[15] & 0xFC | ecn
    total = (0xFFFF ^ (frame[24] << 8 | frame[25])) + (0xFFFF ^ old) + new
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return frame[:14] + new.to_bytes(2, "big") + frame[16:24] + (0xFFFF ^ total).to_bytes(2, "big") + frame[26:]
