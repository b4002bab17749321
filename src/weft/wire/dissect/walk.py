"""The state of one dissection, and how readers hand on to one another by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from weft.values import Truncated, WireError
from weft.wire.checksum import WrongChecksum
from weft.wire.header import Header

Layer = dict[str, object]
Next = tuple[str, bytes, int] | None
"""The name of the reader that goes on, the octets (cut where the enclosing packet ends), and the offset in them."""
Reader = Callable[["Walk", bytes, int], Next]

H = TypeVar("H", bound=Header)


class Walk:
    """One dissection under way.

    `partial`: octets may be missing at the end (a fragment, a segment, a capture cut short), which is no fault.
    `addresses`: source and destination of the nearest IP header, for pseudo headers.
    """

    __slots__ = ("addresses", "depth", "error", "gre_key_as", "layers", "partial", "ports", "tunnels", "verify")

    def __init__(self, depth: int, gre_key_as: str, ports: Mapping[int, str], verify: bool, partial: bool) -> None:
        self.depth = depth
        self.gre_key_as = gre_key_as
        self.ports = ports
        self.verify = verify
        self.partial = partial
        self.layers: list[Layer] = []
        self.error: str | None = None
        self.tunnels = 0
        self.addresses = b"", b""

    def fault(self, what: WireError | str) -> None:
        """Keep the first problem. Once octets are missing, missing more and wrong sums are no news."""
        if self.error is None and not (self.partial and isinstance(what, Truncated | WrongChecksum)):
            self.error = str(what)
        self.partial |= isinstance(what, Truncated)

    def read(self, kind: type[H], data: bytes, at: int) -> tuple[H | None, int]:
        """A header as far as it can be told, and where it ends; what is wrong with it is kept."""
        header, end, fault = kind.dissect(data, at)
        if fault is not None:
            self.fault(fault)
        return header, end

    def add(self, name: str, fields: Layer) -> Layer:
        layer: Layer = {"layer": name, **fields}
        self.layers.append(layer)
        return layer

    def enter_tunnel(self) -> bool:
        """Count one more tunnel; False if that is one too many."""
        self.tunnels += 1
        if self.tunnels <= self.depth:
            return True
        self.fault(f"tunnels are nested deeper than {self.depth}")
        return False
