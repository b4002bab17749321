"""Which claim to an address holds: MAC mobility, RFC 7432 section 15.

A VTEP that learns an address which another VTEP advertises takes over with a higher sequence number. Sticky
addresses (section 15.2) do not move. Of equal sequence numbers the lowest VTEP address wins.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from weft.forwarding.rows import Target
from weft.values import Ip

SEQUENCE_MAX = 0xFFFFFFFF


class Claim(Struct, frozen=True, gc=False):
    """A remote VTEP's advertisement of an address."""

    target: Target
    sequence: int
    sticky: bool

    @property
    def rank(self) -> tuple[bool, int, bytes]:
        """Claims sort by it, the strongest first."""
        return (not self.sticky, -self.sequence, self.target.remote.octets)


def strongest(claims: Iterable[Claim]) -> Claim | None:
    return min(claims, key=lambda claim: claim.rank, default=None)


def sequence_for_local(claim: Claim | None, own: int) -> int:
    """The sequence number with which to announce an address just learned here.

    One above the remote claim's, so that the other VTEP gives way; our own earlier number if that is enough. Nothing
    is above the largest number: whoever uses it up keeps the address, unless the lower VTEP address decides.
    """
    return own if claim is None else max(own, min(claim.sequence + 1, SEQUENCE_MAX))


def yields(own_sequence: int, own: Ip, claim: Claim) -> bool:
    """Whether a local address gives way to a remote claim: it is sticky, newer, or as new from a lower VTEP."""
    if claim.sticky or claim.sequence != own_sequence:
        return claim.sticky or claim.sequence > own_sequence
    return claim.target.remote.octets < own.octets
