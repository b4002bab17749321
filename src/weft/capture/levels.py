"""Reads one nesting level of many packets: Ethernet and tags, IP, ports, and the tunnel behind them.

Each step works on the rows that have its header, looks at no octet behind the row's end, and returns the rows that
go on. It goes as far as `weft.wire.dissect` does with broken headers; the tests hold the two together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.capture.columns import Fault, Level, Reading
from weft.capture.fetch import Flags, Rows, fetch, octet, pick, u16
from weft.capture.internet import read_ipv4, read_ipv6
from weft.capture.tunnels import ETHERNET, read_gre, read_stt, read_udp_tunnels
from weft.capture.walk import Octets, Positions
from weft.wire import ethernet, tcp, udp, vlan
from weft.wire.encap import gre, stt
from weft.wire.encap.registry import GRE, TCP, UDP

SCTP = 132
TRANSPORT_OCTETS = 20
"""What is fetched of every transport header: TCP's; UDP's with a tunnel header; GRE's with all its options."""

_LEAST = np.zeros(256, np.int64)
_LEAST[[UDP, TCP, GRE, SCTP]] = udp.LENGTH, tcp.LENGTH, gre.LENGTH, 12
"""Octets that a transport header needs, by protocol; 0: not looked at."""


def read_level(octets: Octets, level: Level, reading: Reading) -> npt.NDArray[np.int32]:
    """Fill in a blank level. Returns what each `inner` begins with: an EtherType, or ETHERNET."""
    _read_ethernet(octets, level)
    there = level.network < level.end
    v4 = read_ipv4(octets, level, np.flatnonzero((level.ethertype == ethernet.IPV4) & there))
    v6 = read_ipv6(octets, level, np.flatnonzero((level.ethertype == ethernet.IPV6) & there))
    rows = np.concatenate((v4, v6)) if len(v6) else v4
    inner_kinds = np.zeros(len(level), np.int32)
    _read_transport(octets, level, rows, inner_kinds, reading)
    return inner_kinds


def _is_tag(ethertype: npt.NDArray[np.int32]) -> Flags:
    found: Flags = ethertype == ethernet.VLAN
    for tag in vlan.TAGS - {ethernet.VLAN}:
        found |= ethertype == tag
    return found


def _read_ethernet(octets: Octets, level: Level) -> None:
    """Find the EtherType behind all tags, and where the network layer begins."""
    level.network[:] = level.start
    rows = np.flatnonzero(level.ethertype == ETHERNET)
    rows = level.keep(rows, level.end[rows] - level.start[rows] >= ethernet.LENGTH)
    at = level.start[rows]
    level.ethertype[rows] = u16(fetch(octets, at + 12, 2), 0)
    level.network[rows] = at + ethernet.LENGTH
    rows = np.flatnonzero(_is_tag(level.ethertype))
    while len(rows := rows[level.network[rows] < level.end[rows]]):
        rows = _read_tag(octets, level, rows)


def _read_tag(octets: Octets, level: Level, rows: Positions) -> Positions:
    """One more tag; returns the rows that have yet another."""
    rows = level.keep(rows, level.end[rows] - level.network[rows] >= vlan.LENGTH)
    at = level.network[rows]
    header = fetch(octets, at, vlan.LENGTH)
    known = level.vlan[rows]
    ethertype = u16(header, 2)
    level.vlan[rows] = np.where(known < 0, u16(header, 0) & 0xFFF, known)
    level.ethertype[rows] = ethertype
    level.network[rows] = at + vlan.LENGTH
    return rows[_is_tag(ethertype)]


def _read_transport(
    octets: Octets, level: Level, rows: Positions, inner_kinds: npt.NDArray[np.int32], reading: Reading
) -> None:
    """Ports, and the tunnel behind them. `rows` are at the beginning of their payload."""
    least, room = _LEAST[level.protocol[rows]], level.end[rows] - level.payload[rows]
    level.blame(rows, (room > 0) & (room < least), Fault.TRUNCATED)
    (rows,) = pick((room > 0) & (room >= least) & (least > 0), rows)
    header = fetch(octets, level.payload[rows], TRANSPORT_OCTETS)
    protocol = level.protocol[rows]
    for kind in (UDP, TCP, GRE, SCTP):
        mine = np.flatnonzero(protocol == kind)
        if not len(mine):
            continue
        these, its = rows[mine], header[mine]
        if kind != GRE:
            level.sport[these] = u16(its, 0)
            level.dport[these] = u16(its, 2)
        if kind == UDP:
            _end_udp(level, these, its)
            read_udp_tunnels(level, these, its, inner_kinds)
        elif kind == TCP:
            _check_tcp(level, these, its)
            is_stt = (level.dport[these] == stt.PORT) & (octet(its, 13) & stt.FOREIGN_FLAGS == 0)
            these, its = pick(is_stt, these, its)
            read_stt(octets, level, these, its, inner_kinds)
        elif kind == GRE:
            read_gre(level, these, its, inner_kinds, reading)


def _end_udp(level: Level, rows: Positions, header: Rows) -> None:
    """The end as UDP has it; length 0 is what segmentation offload leaves in captures on the sending host."""
    length, end = u16(header, 4), level.end[rows]
    short = length < udp.LENGTH
    level.end[rows] = np.where(short, end, np.minimum(end, level.payload[rows] + length))
    level.blame(rows, short & (length > 0), Fault.BAD_TRANSPORT)
    level.blame(rows, level.payload[rows] + length > end, Fault.TRUNCATED)


def _check_tcp(level: Level, rows: Positions, header: Rows) -> None:
    length = (octet(header, 12) >> 4).astype(np.int64) * 4
    level.blame(rows, length < tcp.LENGTH, Fault.BAD_TRANSPORT)
    level.blame(rows, level.payload[rows] + length > level.end[rows], Fault.TRUNCATED)
