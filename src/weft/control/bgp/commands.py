"""What the speaker asks of the world, and what sessions tell the speaker: frozen values, nothing else."""

from __future__ import annotations

from msgspec import Struct

from weft.values import Ip
from weft.wire.bgp.refresh import Refresh
from weft.wire.bgp.update import Update


class Dial(Struct, frozen=True):
    """Open a TCP connection; answer with `connected` or `dial_failed`, once, within the connect-retry time."""

    peer: Ip
    port: int
    local_address: Ip | None


class Send(Struct, frozen=True):
    """Write the octets, in order, after all earlier ones of that connection."""

    connection: int
    data: bytes


class Close(Struct, frozen=True):
    """Close the connection once what was sent has left, or after a second at most; no answer is due."""

    connection: int


Command = Dial | Send | Close


class Opened(Struct, frozen=True):
    """The peer's OPEN was accepted: time to look for a collision."""


class Up(Struct, frozen=True):
    """The session is Established."""


class Down(Struct, frozen=True):
    """The session has ended or its connection attempt failed."""

    reason: str
    idle: bool
    """It is in Idle and waits to be started again."""


class Learned(Struct, frozen=True):
    update: Update


class Asked(Struct, frozen=True):
    refresh: Refresh


Effect = Command | Opened | Up | Down | Learned | Asked
