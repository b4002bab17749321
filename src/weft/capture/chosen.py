"""Which packets a person asked for: by VNI, encapsulation, VTEP and tenant's address."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weft.capture.columns import NO_KEY, Columns, EncapCode, Level
from weft.capture.fetch import Flags
from weft.values import Ip, Prefix

_WORD = 1 << 64


@dataclass(frozen=True, slots=True)
class Choice:
    """None: any. A packet is chosen if one of its tunnels has the key, the encapsulation and the VTEP (as source or
    destination), and inside that tunnel there is the tenant's address or prefix."""

    key: int | None = None
    encap: EncapCode | None = None
    vtep: Prefix | None = None
    tenant: Prefix | None = None

    @property
    def everything(self) -> bool:
        return self == Choice()

    def rows(self, columns: Columns) -> Flags:
        """bool, one a packet."""
        chosen = np.zeros(len(columns.nesting), bool)
        if self.everything:
            return ~chosen
        inside = np.zeros(len(columns.nesting), bool)
        for level in columns.levels:
            if self.tenant is not None:
                chosen[level.row] |= inside[level.row] & _has_address(level, self.tenant)
            inside[level.row] |= self._tunnels(level)
        return chosen if self.tenant is not None else inside

    def _tunnels(self, level: Level) -> Flags:
        fits: Flags = level.encap > 0
        if self.key is not None:
            fits &= (level.key == np.uint64(self.key)) & (level.key != np.uint64(NO_KEY))
        if self.encap is not None:
            fits &= level.encap == self.encap
        if self.vtep is not None:
            fits &= _has_address(level, self.vtep)
        return fits


def _has_address(level: Level, prefix: Prefix) -> Flags:
    fits: Flags = level.version == prefix.ip.version
    fits &= _is_within(level.source, prefix) | _is_within(level.destination, prefix)
    return fits


def _is_within(addresses: npt.NDArray[np.uint64], prefix: Prefix) -> Flags:
    """Which (high, low) addresses lie in a prefix of their own IP version."""
    mask = ((1 << prefix.length) - 1) << (prefix.ip.bits - prefix.length)
    wanted = int.from_bytes(prefix.ip.octets, "big") & mask
    within: Flags = addresses[:, 0] & np.uint64(mask // _WORD) == np.uint64(wanted // _WORD)
    within &= addresses[:, 1] & np.uint64(mask % _WORD) == np.uint64(wanted % _WORD)
    return within


def address(ip_version: int, words: npt.NDArray[np.uint64]) -> Ip | None:
    """The address of (high, low); None for no IP."""
    if not ip_version:
        return None
    number = int(words[0]) * _WORD + int(words[1])
    return Ip(number.to_bytes(4 if ip_version == 4 else 16, "big"))
