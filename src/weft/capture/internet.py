"""Reads the IPv4 or IPv6 headers of one level. Returned rows have a payload that begins with its first octet."""

from __future__ import annotations

import numpy as np

from weft.capture.columns import Fault, Level
from weft.capture.fetch import Flags, Rows, fetch, field, octet, pick, u16, u32, u64
from weft.capture.walk import Octets, Positions
from weft.wire import ipv4, ipv6
from weft.wire import ipv6_extensions as extensions

_IS_EXTENSION = np.zeros(256, bool)
_IS_EXTENSION[list(extensions.KINDS)] = True


def read_ipv4(octets: Octets, level: Level, rows: Positions) -> Positions:
    """Addresses and protocol of rows with at least one octet of network layer."""
    rows = level.keep(rows, level.end[rows] - level.network[rows] >= ipv4.LENGTH)
    header = fetch(octets, level.network[rows], ipv4.LENGTH)
    first = octet(header, 0)
    valid = (first >= 0x45) & (first < 0x50)
    level.blame(rows, ~valid, Fault.BAD_IP)
    rows, header, first = pick(valid, rows, header, first)
    level.version[rows] = 4
    level.source[:, 1][rows] = u32(header, 12)
    level.destination[:, 1][rows] = u32(header, 16)
    level.protocol[rows] = octet(header, 9)
    length = (first & 0xF).astype(np.int64) * 4
    at, end, total = level.network[rows], level.end[rows], u16(header, 2)
    level.payload[rows] = at + length
    whole = at + length <= end
    level.blame(rows, ~whole, Fault.TRUNCATED)
    level.blame(rows, whole & ~_adds_up(octets, at, length, header), Fault.BAD_CHECKSUM)
    short = total < length  # 0 is what segmentation offload leaves in captures on the sending host
    level.blame(rows, short & (total > 0), Fault.BAD_IP)
    level.blame(rows, at + total > end, Fault.TRUNCATED)
    level.end[rows] = np.where(short, end, np.minimum(end, at + total))
    fragment = u16(header, 6)
    level.partial[rows] |= fragment & 0x3FFF > 0
    first_fragment: Flags = fragment & 0x1FFF == 0
    (rows,) = pick(first_fragment, rows)
    return rows


def _adds_up(octets: Octets, at: Positions, length: Positions, header: Rows) -> Flags:
    """RFC 1071: whether words add up to 0xFFFF depends neither on the order of their octets nor on their size."""
    total = field(header, "<u4", 0).astype(np.uint64)
    for place in range(4, ipv4.LENGTH, 4):
        total += field(header, "<u4", place)
    for row in np.flatnonzero(length > ipv4.LENGTH).tolist():
        options = octets[int(at[row]) + ipv4.LENGTH : int(at[row] + length[row])]
        total[row] += options.view("<u4").sum(dtype=np.uint64)
    for bits in (32, 16, 16):
        total = (total & np.uint64((1 << bits) - 1)) + (total >> np.uint64(bits))
    right: Flags = total == 0xFFFF
    return right


def read_ipv6(octets: Octets, level: Level, rows: Positions) -> Positions:
    """Addresses, and the protocol behind extension headers, of rows with at least one octet of network layer."""
    if not len(rows):
        return rows
    rows = level.keep(rows, level.end[rows] - level.network[rows] >= ipv6.LENGTH)
    header = fetch(octets, level.network[rows], ipv6.LENGTH)
    valid = octet(header, 0) >> 4 == 6
    level.blame(rows, ~valid, Fault.BAD_IP)
    rows, header = pick(valid, rows, header)
    level.version[rows] = 6
    for half in (0, 1):
        level.source[:, half][rows] = u64(header, 8 + 8 * half)
        level.destination[:, half][rows] = u64(header, 24 + 8 * half)
    level.protocol[rows] = octet(header, 6)
    payload, end, length = level.network[rows] + ipv6.LENGTH, level.end[rows], u16(header, 4)
    level.payload[rows] = payload
    level.blame(rows, payload + length > end, Fault.TRUNCATED)
    level.end[rows] = np.where(length > 0, np.minimum(end, payload + length), end)
    return _skip_extensions(octets, level, rows)


def _skip_extensions(octets: Octets, level: Level, rows: Positions) -> Positions:
    """Move `payload` and `protocol` behind the extension headers."""
    done = []
    for _ in range(extensions.LIMIT):
        more = _IS_EXTENSION[level.protocol[rows]]
        done.append(rows[~more])
        rows = rows[more]
        if not len(rows):
            break
        rows = _skip_extension(octets, level, rows)
    endless = _IS_EXTENSION[level.protocol[rows]]
    level.blame(rows, endless, Fault.BAD_IP)
    return np.concatenate([*done, rows[~endless]])


def _skip_extension(octets: Octets, level: Level, rows: Positions) -> Positions:
    """Step over one extension header; returns the rows that still have the first octet of their payload."""
    at, kind = level.payload[rows], level.protocol[rows]
    header = fetch(octets, at, extensions.FRAGMENT_LENGTH)
    words = octet(header, 1).astype(np.int64)
    length = np.where(kind == extensions.AUTHENTICATION, (words + 2) * 4, (words + 1) * 8)
    fragment = kind == extensions.FRAGMENT
    length[fragment] = extensions.FRAGMENT_LENGTH
    room = level.end[rows] - at
    whole = (room >= 2) & (room >= length)
    level.blame(rows, ~whole, Fault.TRUNCATED)
    place = u16(header, 2)
    level.partial[rows[whole & fragment & (place & 0xFFF9 > 0)]] = True
    later: Flags = fragment & (place & 0xFFF8 > 0)
    level.protocol[rows[whole]] = octet(header, 0)[whole]
    level.payload[rows[whole]] = (at + length)[whole]
    going_on: Flags = whole & ~later
    return rows[going_on]
