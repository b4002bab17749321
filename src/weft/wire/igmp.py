"""IGMP messages: version 2 (RFC 2236 section 2), version 3 queries and reports (RFC 3376 sections 4.1 and 4.2).

     0               1               2               3
    +---------------+---------------+-------------------------------+
    |     type      | max response  |           checksum            |
    +---------------+---------------+-------------------------------+
    |            group; in a version 3 report: 0 and the number     |
    +---------------------------------------------------------------+
    |  version 3 query: S QRV (1) QQIC (1) sources (2), addresses
    |  version 3 report, each: type (1) aux words (1) sources (2) group (4), addresses, aux

The checksum covers the whole message: `data` must end where the packet does.
"""

from __future__ import annotations

import struct
from typing import Self

from msgspec import Struct

from weft.values import Ip, Truncated, WireError
from weft.wire.checksum import WrongChecksum, checksum, is_valid
from weft.wire.header import Header

LENGTH = 8
QUERY, V1_REPORT, V2_REPORT, LEAVE, V3_REPORT = 0x11, 0x12, 0x16, 0x17, 0x22
_FORMAT = struct.Struct("!BBH4s")
_RECORD = struct.Struct("!BBH4s")


class Record(Struct, frozen=True, gc=False):
    """A group record of a version 3 report. `type`: 1 include, 2 exclude, 3 and 4 change to these, 5 allow, 6 block."""

    type: int
    group: Ip
    sources: tuple[Ip, ...] = ()


class Igmp(Header, frozen=True, gc=False):
    """`max_response` is in tenths of a second. `query`: the octets S QRV and QQIC of a version 3 query, else None."""

    type: int
    max_response: int = 0
    group: Ip = Ip(bytes(4))
    query: bytes | None = None
    sources: tuple[Ip, ...] = ()
    records: tuple[Record, ...] = ()

    @classmethod
    def dissect(cls, data: bytes, offset: int = 0) -> tuple[Self | None, int, WireError | None]:
        """Read a message to the end of its sources or records. Faults: Truncated, WrongChecksum."""
        have = len(data) - offset
        if have < LENGTH:
            return None, offset, Truncated("an IGMP message", LENGTH, have, offset)
        kind, response, _, group = _FORMAT.unpack_from(data, offset)
        wrong = None if is_valid(data[offset:]) else WrongChecksum("IGMP checksum is wrong", offset + 2)
        end = offset + LENGTH
        try:
            if kind == V3_REPORT:
                records, end = _parse_records(data, end, group[2] << 8 | group[3])
                return cls(kind, response, records=records), end, wrong
            if kind == QUERY and have > LENGTH:
                sources, after = _parse_sources(data, end + 4, _count(data, end + 2))
                return cls(kind, response, Ip(group), data[end : end + 2], sources), after, wrong
        except WireError as fault:
            return cls(kind, response, Ip(group)), end, fault
        return cls(kind, response, Ip(group)), end, wrong

    def pack(self) -> bytes:
        """The message with its checksum."""
        group = bytes(2) + len(self.records).to_bytes(2, "big") if self.type == V3_REPORT else self.group.octets
        message = _FORMAT.pack(self.type, self.max_response, 0, group)
        if self.query is not None:
            message += self.query + len(self.sources).to_bytes(2, "big") + _pack_sources(self.sources)
        for record in self.records:
            message += _RECORD.pack(record.type, 0, len(record.sources), record.group.octets)
            message += _pack_sources(record.sources)
        return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]


def _count(data: bytes, offset: int) -> int:
    if len(data) < offset + 2:
        raise Truncated("a version 3 query", 4, len(data) - offset + 2, offset - 2)
    return data[offset] << 8 | data[offset + 1]


def _parse_sources(data: bytes, offset: int, number: int) -> tuple[tuple[Ip, ...], int]:
    end = offset + 4 * number
    if len(data) < end:
        raise Truncated("a list of IGMP sources", 4 * number, len(data) - offset, offset)
    return tuple(Ip(data[at : at + 4]) for at in range(offset, end, 4)), end


def _parse_records(data: bytes, offset: int, number: int) -> tuple[tuple[Record, ...], int]:
    records = []
    for _ in range(number):
        if len(data) < offset + _RECORD.size:
            raise Truncated("an IGMP group record", _RECORD.size, len(data) - offset, offset)
        kind, auxiliary, count, group = _RECORD.unpack_from(data, offset)
        sources, offset = _parse_sources(data, offset + _RECORD.size, count)
        offset += auxiliary * 4  # RFC 3376 section 4.2.11: ignored
        if len(data) < offset:
            raise Truncated(
                "the end of an IGMP group record", auxiliary * 4, len(data) - offset + auxiliary * 4, offset
            )
        records.append(Record(kind, Ip(group), sources))
    return tuple(records), offset


def _pack_sources(sources: tuple[Ip, ...]) -> bytes:
    return b"".join(source.octets for source in sources)
