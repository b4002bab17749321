"""The pcap format (draft-ietf-opsawg-pcap): a header of 24 octets, then records of 16 octets and the packet."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from weft.capture.fetch import fetch, field
from weft.capture.formats import MOST_OCTETS, NS, Records
from weft.capture.walk import Chain, Octets, Positions, find
from weft.values import Malformed

HEADER_OCTETS = 24
RECORD_OCTETS = 16
_MICROSECONDS, _NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
_ETHERNET = 1
_SNAPSHOT_OCTETS = 262144

RECORD = np.dtype([("seconds", "<u4"), ("nanoseconds", "<u4"), ("captured", "<u4"), ("length", "<u4")])
"""The record header that weft writes: little-endian, nanoseconds."""


class Pcap:
    """Reads records after the file header."""

    def __init__(self, header: bytes) -> None:
        """Raises Malformed if the first four octets are not those of pcap."""
        for order in "<>":
            magic, *_, link = struct.unpack(order + "IHHiIII", header)
            if magic in (_MICROSECONDS, _NANOSECONDS):
                break
        else:
            raise Malformed(f"a capture does not begin with {header[:4].hex(' ')}")
        self._order = order
        self._tick_ns = 1 if magic == _NANOSECONDS else 1000
        self._link = link & 0xFFFF  # the upper octets tell about frame check sequences
        self._chain = Chain(order, RECORD_OCTETS, 8, RECORD_OCTETS, 0, MOST_OCTETS, 1)

    def index(self, octets: Octets, end: int) -> Records:
        """The upper half of the seconds stays the same for 18 hours: that is the mark to guess records by."""
        mark_at = 2 if self._order == "<" else 0
        mark = octets[mark_at : mark_at + 2].tobytes()
        found = find(octets, 0, end, self._chain, mark, mark_at)
        at = found.starts
        headers = fetch(octets, at, RECORD_OCTETS)
        seconds, ticks, captured, length = (
            field(headers, self._order + "u4", offset).astype(np.int64) for offset in (0, 4, 8, 12)
        )
        problem = None
        if found.bad:
            (stated,) = struct.unpack_from(self._order + "I", octets.data, found.end + 8)
            problem = f"a record of {stated} octets cannot be"
        return Records(
            start=at + RECORD_OCTETS,
            captured=captured,
            length=length,
            time_ns=seconds * NS + ticks * self._tick_ns,
            link=np.full(len(at), self._link, np.int32),
            used=found.end,
            problem=problem,
        )


def file_header() -> bytes:
    """The header of a file that weft writes: little-endian, nanoseconds, Ethernet."""
    return struct.pack("<IHHiIII", _NANOSECONDS, 2, 4, 0, 0, _SNAPSHOT_OCTETS, _ETHERNET)


def record_headers(
    time_ns: Positions | int, captured: Positions | int, length: Positions | int
) -> npt.NDArray[np.void]:
    """Record headers of a file that weft writes, dtype RECORD; a single one for plain numbers."""
    headers = np.empty(np.shape(time_ns), RECORD)
    headers["seconds"], headers["nanoseconds"] = np.divmod(time_ns, NS)
    headers["captured"], headers["length"] = captured, length
    return headers
