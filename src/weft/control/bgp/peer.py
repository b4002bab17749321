"""What the speaker keeps of one neighbour: its sessions, the routes it is owed, and its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from weft.config.tree import Bgp, Neighbor
from weft.control.bgp.export import Target
from weft.control.bgp.fsm import State
from weft.control.bgp.outbound import Outbound
from weft.control.bgp.route import Source
from weft.control.bgp.session import Session
from weft.values import Ip

_IDLE_HOLD_LEAST_S, _IDLE_HOLD_MOST_S = 1.0, 32.0
_STABLE_S = 60.0
"""A session that lived this long has earned a quick restart."""


class PeerStatus(Struct, frozen=True, kw_only=True):
    """A neighbour at one moment."""

    peer: Ip
    remote_asn: int | None
    state: State
    uptime_s: float
    """Seconds in Established, 0 otherwise."""
    received: int
    """Routes in the Adj-RIB-In."""
    accepted: int
    """Those of them that may become best."""
    sent: int
    last_error: str
    end_of_rib: bool
    """The peer has sent its whole table."""
    description: str


class Peer:
    """Up to two sessions: `rival` exists while two TCP connections compete (RFC 4271 section 6.8)."""

    def __init__(self, bgp: Bgp, neighbor: Neighbor, random: Callable[[], float]) -> None:
        self._bgp, self._random = bgp, random
        self.neighbor = neighbor
        self.primary = self.new_session()
        self.rival: Session | None = None
        self.source: Source | None = None
        """Set while Established, a new object for each session."""
        self.outbound: Outbound | None = None
        self.restart_at: float | None = None
        self.established_at = 0.0
        self.end_of_rib = False
        self.last_error = ""
        self._failures = 0

    def new_session(self) -> Session:
        return Session(self._bgp, self.neighbor, self._random)

    def sessions(self) -> Iterator[Session]:
        yield self.primary
        if self.rival is not None:
            yield self.rival

    def promote_rival(self) -> None:
        """The rival becomes the session; a dial that is still under way stays known."""
        if self.rival is not None:
            self.rival.dialing = self.primary.dialing
            self.primary, self.rival = self.rival, None

    def established(self, now: float) -> Target | None:
        """Set `source` and give the sending view of the session that just came up."""
        settled = self.primary.negotiated
        if settled is None:
            return None
        self.established_at, self.end_of_rib = now, False
        self.source = Source(
            peer=self.neighbor.peer,
            router_id=settled.router_id,
            internal=settled.internal,
            client=self.neighbor.route_reflector_client and settled.internal,
        )
        return Target(
            peer=self.neighbor.peer,
            internal=settled.internal,
            client=self.source.client,
            as4=settled.as4,
            message_octets=settled.message_octets,
        )

    def schedule_restart(self, now: float) -> None:
        """Stay in Idle for a while that doubles with every failure (RFC 4271 section 8.1, DampPeerOscillations)."""
        if self.source is not None and now - self.established_at >= _STABLE_S:
            self._failures = 0
        hold_s = min(_IDLE_HOLD_LEAST_S * 2**self._failures, _IDLE_HOLD_MOST_S)
        self._failures = min(self._failures + 1, 16)
        self.restart_at = now + hold_s * (0.75 + 0.25 * self._random())

    def next_timer(self) -> float | None:
        deadlines = [session.next_timer() for session in self.sessions()] + [self.restart_at]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def status(self, received: int, accepted: int, now: float) -> PeerStatus:
        settled = self.primary.negotiated
        up = self.source is not None
        return PeerStatus(
            peer=self.neighbor.peer,
            remote_asn=settled.remote_asn if settled is not None else self.neighbor.remote_asn,
            state=self.primary.state,
            uptime_s=now - self.established_at if up else 0.0,
            received=received,
            accepted=accepted,
            sent=self.outbound.sent if self.outbound is not None else 0,
            last_error=self.last_error,
            end_of_rib=self.end_of_rib,
            description=self.neighbor.description,
        )
