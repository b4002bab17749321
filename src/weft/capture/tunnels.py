"""Reads the tunnel headers of one level: what is carried, under which key, and where it begins.

The readers take rows that have such a header (one of its octets at least) and note in `kinds` what the carried packet
begins with: an EtherType, or ETHERNET.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.capture.columns import EncapCode, Fault, Level, Reading
from weft.capture.fetch import Rows, fetch, octet, pick, u16, u32, u64
from weft.capture.walk import Octets, Positions
from weft.wire import ethernet, tcp, udp
from weft.wire.encap import geneve, gre, pptp, stt, vxlan, vxlan_gpe

ETHERNET = -1
"""What a level begins with, if that is an Ethernet header."""

Kinds = npt.NDArray[np.int32]

_UNKNOWN = 0
_BY_NEXT_PROTOCOL = np.full(256, _UNKNOWN, np.int32)
for _next_protocol, _ethertype in vxlan_gpe.ETHERTYPES.items():
    _BY_NEXT_PROTOCOL[_next_protocol] = _ethertype
_GPE_VERSION = 0x30
_GRE_VERSION, _GRE_REFUSED = 0x0007, 0x4C00
_PPTP_FLAGS = 0xFFFF ^ (pptp.S | pptp.A)


def _carry(level: Level, rows: Positions, inner: Positions, kinds: Kinds, ethertype: Kinds) -> None:
    """Note the carried packet where an octet of it is there."""
    there = (inner < level.end[rows]) & (ethertype != _UNKNOWN)
    rows, inner, kind = pick(there, rows, inner, ethertype)
    level.inner[rows] = inner
    kinds[rows] = np.where(kind == ethernet.TRANSPARENT_BRIDGING, np.int32(ETHERNET), kind)


def read_udp_tunnels(level: Level, rows: Positions, header: Rows, kinds: Kinds) -> None:
    """VXLAN, GPE and Geneve, whose base headers have 8 octets and the VNI at the same place. `header` is UDP's on."""
    port = u16(header, 2)
    chosen = (port == vxlan.PORT) | (port == geneve.PORT) | (port == vxlan.OLD_PORT) | (port == vxlan_gpe.PORT)
    length = u16(header, 4)
    room = level.end[rows] - level.payload[rows] - udp.LENGTH
    chosen &= (room > 0) & ((length >= udp.LENGTH) | (length == 0))
    whole = room >= vxlan.LENGTH
    level.blame(rows, chosen & ~whole, Fault.TRUNCATED)
    chosen &= whole
    rows, header, port = pick(chosen, rows, header, port)
    first = octet(header, udp.LENGTH)
    level.key[rows] = u32(header, udp.LENGTH + 4) >> np.uint64(8)
    is_geneve, is_gpe = port == geneve.PORT, port == vxlan_gpe.PORT
    level.encap[rows] = np.where(is_geneve, np.uint8(EncapCode.GENEVE), np.uint8(EncapCode.VXLAN))
    level.blame(rows, ~is_geneve & (first & vxlan.FLAG_I == 0), Fault.BAD_TUNNEL)
    (plain,) = pick(~(is_geneve | is_gpe), rows)
    bridged = np.full(len(plain), ethernet.TRANSPARENT_BRIDGING, np.int32)
    _carry(level, plain, level.payload[plain] + udp.LENGTH + vxlan.LENGTH, kinds, bridged)
    if is_gpe.any():
        these, its = pick(is_gpe, rows, header)
        _read_gpe(level, these, its, kinds)
    if is_geneve.any():
        these, its = pick(is_geneve, rows, header)
        _read_geneve(level, these, its, kinds)


def _read_gpe(level: Level, rows: Positions, header: Rows, kinds: Kinds) -> None:
    first = octet(header, udp.LENGTH)
    next_protocol = _BY_NEXT_PROTOCOL[octet(header, udp.LENGTH + 3)]
    ethertype = np.where(first & vxlan_gpe.FLAG_P > 0, next_protocol, np.int32(ethernet.TRANSPARENT_BRIDGING))
    level.blame(rows, (first & _GPE_VERSION > 0) | (ethertype == _UNKNOWN), Fault.BAD_TUNNEL)
    _carry(level, rows, level.payload[rows] + udp.LENGTH + vxlan.LENGTH, kinds, ethertype)


def _read_geneve(level: Level, rows: Positions, header: Rows, kinds: Kinds) -> None:
    """Options are skipped by their length; another version ends the reading."""
    first = octet(header, udp.LENGTH)
    inner = level.payload[rows] + udp.LENGTH + geneve.LENGTH + (first & 0x3F).astype(np.int64) * 4
    known = first >> 6 == 0
    level.blame(rows, ~known, Fault.BAD_TUNNEL)
    level.blame(rows, known & (inner > level.end[rows]), Fault.TRUNCATED)
    rows, inner, ethertype = pick(known, rows, inner, u16(header, udp.LENGTH + 2))
    _carry(level, rows, inner, kinds, ethertype)


def read_gre(level: Level, rows: Positions, header: Rows, kinds: Kinds, reading: Reading) -> None:
    """GRE of either version. Sums are not checked: `weft.wire.dissect` does."""
    at, end = level.payload[rows], level.end[rows]
    bits, ethertype = u16(header, 0), u16(header, 2)
    is_pptp = bits & _GRE_VERSION == pptp.VERSION
    other = ~is_pptp & (bits & (_GRE_VERSION | _GRE_REFUSED) > 0)
    level.blame(rows, other, Fault.BAD_TUNNEL)
    has_sum, has_key, has_sequence = (bits & bit > 0 for bit in (gre.C, gre.K, gre.S))
    inner = at + gre.LENGTH * (1 + has_sum.astype(np.int64) + has_key + has_sequence)
    whole = ~is_pptp & ~other
    level.blame(rows, whole & (inner > end), Fault.TRUNCATED)
    whole &= inner <= end
    key = np.where(has_sum, u32(header, 8), u32(header, 4))
    nvgre = whole & (bits == gre.K) & (ethertype == ethernet.TRANSPARENT_BRIDGING) & (reading is Reading.NVGRE)
    level.encap[rows] = np.where(nvgre, np.uint8(EncapCode.NVGRE), np.uint8(EncapCode.GRE))
    keyed, keys = pick(whole & has_key, rows, np.where(nvgre, key >> np.uint64(8), key))
    level.key[keyed] = keys
    if is_pptp.any():
        _read_pptp(level, *pick(is_pptp, rows, header))
    rows, inner, ethertype = pick(whole, rows, inner, ethertype)
    _carry(level, rows, inner, kinds, ethertype)


def _read_pptp(level: Level, rows: Positions, header: Rows) -> None:
    """Version 1 (RFC 2637): its key is shown, the PPP frames are not looked into."""
    whole = level.end[rows] - level.payload[rows] >= pptp.LENGTH
    level.encap[rows[~whole]] = EncapCode.NONE
    rows, header = level.keep(rows, whole), header[whole]
    wrong = (u16(header, 0) & _PPTP_FLAGS != pptp.K | pptp.VERSION) | (u16(header, 2) != pptp.PPP)
    level.blame(rows, wrong, Fault.BAD_TUNNEL)
    level.key[rows] = u32(header, 4)


def read_stt(octets: Octets, level: Level, rows: Positions, header: Rows, kinds: Kinds) -> None:
    """Segments, whole TCP headers each; the first of a frame has its context id and the beginning of the frame."""
    if not len(rows):
        return
    at = level.payload[rows]
    level.encap[rows] = EncapCode.STT
    length, offset = u16(header, 4), u16(header, 6)
    behind = at + (octet(header, 12) >> 4).astype(np.int64) * 4
    beyond = offset + level.end[rows] - behind > length
    plain = behind == at + tcp.LENGTH
    level.blame(rows, np.where(plain, (length == 0) | beyond, behind <= level.end[rows]), Fault.BAD_TUNNEL)
    first = (offset == 0) & (behind < level.end[rows])
    level.partial[rows[(offset > 0) | (level.end[rows] - behind < length)]] = True
    rows, behind = pick(first, rows, behind)
    whole = level.end[rows] - behind >= stt.FRAME_LENGTH
    rows, behind = level.keep(rows, whole), behind[whole]
    frame = fetch(octets, behind, stt.FRAME_LENGTH)
    level.key[rows] = u64(frame, 8)
    known = octet(frame, 0) == 0
    level.blame(rows, ~known, Fault.BAD_TUNNEL)
    rows, behind = pick(known, rows, behind)
    bridged = np.full(len(rows), ethernet.TRANSPARENT_BRIDGING, np.int32)
    _carry(level, rows, behind + stt.FRAME_LENGTH, kinds, bridged)
