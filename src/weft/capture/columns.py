"""The headers of many packets as columns: one pass over all packets a nesting level, over those that still have one.

Absent is -1 in every signed column; addresses, keys and faults say it in their own way, see `Level`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from weft.capture.walk import Positions

NO_KEY = 0xFFFFFFFFFFFFFFFF
"""`Level.key` where there is none."""


class EncapCode(IntEnum):
    """What a level carries. VXLAN includes Group Policy and GPE; NVGRE is keyed Ethernet in GRE, if so read."""

    NONE = 0
    VXLAN = 1
    GRE = 2
    NVGRE = 3
    GENEVE = 4
    STT = 5


class Fault(IntEnum):
    """The first thing that is wrong with a level."""

    NONE = 0
    TRUNCATED = 1
    BAD_IP = 2
    BAD_CHECKSUM = 3
    BAD_TRANSPORT = 4
    BAD_TUNNEL = 5
    TOO_DEEP = 6
    UNKNOWN_LINK = 7


FAULT_TEXTS = {
    Fault.TRUNCATED: "the packet is shorter than its headers say",
    Fault.BAD_IP: "no valid IP header",
    Fault.BAD_CHECKSUM: "wrong IPv4 header checksum",
    Fault.BAD_TRANSPORT: "no valid TCP header",
    Fault.BAD_TUNNEL: "no valid tunnel header",
    Fault.TOO_DEEP: "nested too deep",
    Fault.UNKNOWN_LINK: "unknown link type",
}


class Reading(StrEnum):
    """What Ethernet in keyed GRE is taken for: its key is a VSID and a FlowID, or one number of 32 bits."""

    NVGRE = "nvgre"
    PLAIN = "plain"


@dataclass(slots=True, eq=False)
class Level:
    """One nesting level of those packets of a block that have it: k rows.

    `row`: int64, rising, the packet's row in its block. `start`, `network`, `payload`, `end`: int64, positions in the
    block's octets: where the level begins (its Ethernet header, or IP header where a tunnel carries IP), what follows
    Ethernet and its tags, what follows the IP headers (-1: no IP), and its end as IP and UDP have it. `vlan`: int32,
    the outermost VID.
    `ethertype`: int32, behind all tags; where there is no Ethernet header, the tunnel's protocol type.
    `version`: int8, 4, 6, or 0 for no IP. `source`, `destination`: uint64 (k, 2), the address in network order as
    two numbers; IPv4 in the lower one. `protocol`: int16, behind IPv6 extension headers. `sport`, `dport`: int32,
    of TCP, UDP and SCTP; absent in fragments but the first. `encap`: uint8, an `EncapCode`. `key`: uint64, VNI, VSID,
    GRE key or STT context id, NO_KEY if absent. `inner`: int64, where the carried packet begins, -1 if not here.
    `partial`: bool, some of the packet is elsewhere: a fragment, an STT segment, or cut short by the capture; its cut
    headers are no fault. `fault`: uint8, a `Fault`.
    """

    row: Positions
    start: Positions
    end: Positions
    ethertype: npt.NDArray[np.int32]
    vlan: npt.NDArray[np.int32]
    network: Positions
    payload: Positions
    version: npt.NDArray[np.int8]
    source: npt.NDArray[np.uint64]
    destination: npt.NDArray[np.uint64]
    protocol: npt.NDArray[np.int16]
    sport: npt.NDArray[np.int32]
    dport: npt.NDArray[np.int32]
    encap: npt.NDArray[np.uint8]
    key: npt.NDArray[np.uint64]
    inner: Positions
    partial: npt.NDArray[np.bool_]
    fault: npt.NDArray[np.uint8]

    @classmethod
    def blank(
        cls,
        row: Positions,
        start: Positions,
        end: Positions,
        ethertype: npt.NDArray[np.int32],
        partial: npt.NDArray[np.bool_],
    ) -> Level:
        """Rows that are yet to be read. `end`, `ethertype` and `partial` become the level's own."""
        k = len(row)
        return cls(
            row=row,
            start=start,
            end=end,
            ethertype=ethertype,
            vlan=np.full(k, -1, np.int32),
            network=np.full(k, -1, np.int64),
            payload=np.full(k, -1, np.int64),
            version=np.zeros(k, np.int8),
            source=np.zeros((k, 2), np.uint64),
            destination=np.zeros((k, 2), np.uint64),
            protocol=np.full(k, -1, np.int16),
            sport=np.full(k, -1, np.int32),
            dport=np.full(k, -1, np.int32),
            encap=np.zeros(k, np.uint8),
            key=np.full(k, NO_KEY, np.uint64),
            inner=np.full(k, -1, np.int64),
            partial=partial,
            fault=np.zeros(k, np.uint8),
        )

    def blame(self, rows: Positions, wrong: npt.NDArray[np.bool_], fault: Fault) -> None:
        """Note a fault of those `rows` that are `wrong`, where there is none yet."""
        if not wrong.any():
            return
        rows = rows[wrong]
        if fault is Fault.TRUNCATED:
            rows = rows[~self.partial[rows]]
        self.fault[rows[self.fault[rows] == Fault.NONE]] = fault

    def keep(self, rows: Positions, whole: npt.NDArray[np.bool_]) -> Positions:
        """Those of `rows` whose header is whole; the others are cut off."""
        if whole.all():
            return rows
        self.blame(rows, ~whole, Fault.TRUNCATED)
        return rows[whole]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """`levels`: outermost first; each holds the packets that are nested that deep. `nesting`: uint8, how many
    tunnels each packet of the block has. `fault`: uint8, the first `Fault` of each packet."""

    levels: tuple[Level, ...]
    nesting: npt.NDArray[np.uint8]
    fault: npt.NDArray[np.uint8]

    @property
    def outermost(self) -> Level:
        """Every packet of the block, in order."""
        return self.levels[0]

    def innermost(self) -> Level:
        """Every packet of the block, in order, at its innermost level."""
        places = np.zeros(len(self.nesting), np.int64)
        offset = 0
        for level in self.levels:
            places[level.row] = offset + np.arange(len(level))
            offset += len(level)
        names = Level.__slots__
        return Level(*(np.concatenate([getattr(level, name) for level in self.levels])[places] for name in names))
