"""AS_PATH and AS4_PATH (RFC 4271 section 4.3 b, RFC 6793): segments of `| type 1 | count 1 | AS numbers |`."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct

from weft.values import AS_TRANS, Malformed, Truncated

AS_SET, AS_SEQUENCE = 1, 2
_SEGMENT_MOST = 255


class Segment(Struct, frozen=True, gc=False):
    """One segment; `kind` is AS_SET or AS_SEQUENCE."""

    kind: int
    asns: tuple[int, ...]


AsPath = tuple[Segment, ...]


def parse(value: bytes, asn_octets: int) -> AsPath:
    """Read a path with AS numbers of 2 or 4 octets.

    Raises WireError for what RFC 7606 section 7.2 calls malformed, AS 0 (RFC 7607 section 2), and confederation
    segments: this speaker is never inside a confederation (RFC 5065 section 5).
    """
    segments, offset = [], 0
    while offset < len(value):
        if len(value) < offset + 2:
            raise Truncated("an AS path segment", 2, len(value) - offset, offset)
        kind, count = value[offset], value[offset + 1]
        end = offset + 2 + count * asn_octets
        if kind not in (AS_SET, AS_SEQUENCE):
            raise Malformed(f"AS path segment of type {kind}", offset)
        if not count:
            raise Malformed("AS path segment without AS numbers", offset)
        if end > len(value):
            raise Truncated("an AS path segment", end - offset, len(value) - offset, offset)
        asns = struct.unpack_from(f"!{count}{'I' if asn_octets == 4 else 'H'}", value, offset + 2)
        if 0 in asns:
            raise Malformed("AS 0 in the AS path", offset)
        segments.append(Segment(kind, asns))
        offset = end
    return tuple(segments)


def pack(path: AsPath, asn_octets: int) -> bytes:
    """The value of AS_PATH (or AS4_PATH). With 2 octets, larger AS numbers become AS_TRANS (RFC 6793 section 4.2.2)."""
    octets = b""
    for segment in path:
        asns = segment.asns
        if asn_octets == 2:
            asns = tuple(asn if asn <= 0xFFFF else AS_TRANS for asn in asns)
        octets += bytes((segment.kind, len(asns)))
        octets += struct.pack(f"!{len(asns)}{'I' if asn_octets == 4 else 'H'}", *asns)
    return octets


def length(path: AsPath) -> int:
    """Hops for route selection: a set counts one (RFC 4271 section 9.1.2.2 a)."""
    return sum(len(segment.asns) if segment.kind == AS_SEQUENCE else 1 for segment in path)


def asns(path: AsPath) -> Iterator[int]:
    """Every AS number, in order."""
    for segment in path:
        yield from segment.asns


def first(path: AsPath) -> int | None:
    """The neighbouring AS, from which the route came into ours; None for an empty path or a leading set."""
    return path[0].asns[0] if path and path[0].kind == AS_SEQUENCE else None


def prepend(path: AsPath, asn: int) -> AsPath:
    """The path with `asn` in front, in a new segment if the first is a set or full (RFC 4271 section 5.1.2)."""
    if path and path[0].kind == AS_SEQUENCE and len(path[0].asns) < _SEGMENT_MOST:
        return (Segment(AS_SEQUENCE, (asn, *path[0].asns)), *path[1:])
    return (Segment(AS_SEQUENCE, (asn,)), *path)


def merge(path: AsPath, as4_path: AsPath) -> AsPath:
    """The true path from a 2-octet AS_PATH and an AS4_PATH (RFC 6793 section 4.2.3).

    The AS4_PATH replaces the tail of the same length; one longer than the AS_PATH is not to be believed.
    """
    surplus = length(path) - length(as4_path)
    if surplus < 0:
        return path
    head: list[Segment] = []
    for segment in path:
        if surplus <= 0:
            break
        taken = segment.asns[:surplus] if segment.kind == AS_SEQUENCE else segment.asns
        head.append(Segment(segment.kind, taken))
        surplus -= len(taken) if segment.kind == AS_SEQUENCE else 1
    if head and as4_path and head[-1].kind == as4_path[0].kind == AS_SEQUENCE:
        joined = head[-1].asns + as4_path[0].asns
        if len(joined) <= _SEGMENT_MOST:
            return (*head[:-1], Segment(AS_SEQUENCE, joined), *as4_path[1:])
    return (*head, *as4_path)
