"""All EVPN networks of a VTEP: local addresses and imported routes in, overlay facts and own routes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from weft.config.tree import Control, HostConfig, Network
from weft.control.bgp import BestChange, Route
from weft.control.evpn import mobility, originate, resolve
from weft.control.evpn.mobility import Claim
from weft.control.evpn.reasons import Ignored
from weft.control.evpn.resolve import Member, Reach
from weft.control.overlay import Overlay
from weft.forwarding.rows import MacSource, Target
from weft.values import Ip, Mac, RouteTarget
from weft.wire.bgp.attributes import Attributes
from weft.wire.bgp.communities import route_targets
from weft.wire.bgp.evpn import EvpnRoute


class Outcome(Struct):
    """What a step asks for beside overlay facts: routes to announce and withdraw, learned addresses to forget."""

    announce: list[tuple[EvpnRoute, Attributes]] = []
    withdraw: list[bytes] = []
    forget: list[tuple[int, Mac]] = []
    spoken: set[bytes] = set()
    """Keys of routes that `add` has brought."""

    def add(self, later: Outcome) -> None:
        """Put a later step behind this one. Of one route the last word counts."""
        spoken = {nlri.key for nlri, _ in later.announce} | set(later.withdraw)
        if not spoken.isdisjoint(self.spoken):
            self.announce = [route for route in self.announce if route[0].key not in spoken]
            self.withdraw = [key for key in self.withdraw if key not in spoken]
        self.spoken |= spoken
        self.announce += later.announce
        self.withdraw += later.withdraw
        self.forget += later.forget


class _Import(Struct, frozen=True):
    """How a route was used, so that it can be taken back."""

    bridges: tuple[int, ...]
    meaning: Reach | Member


class Evpn:
    """See the package's docstring. Bridge tables are named by VNI."""

    def __init__(self, config: HostConfig, router_id: Ip, overlay: Overlay) -> None:
        self._overlay = overlay
        self._networks: dict[int, Network] = {n.vni: n for n in config.networks if n.control is Control.EVPN}
        self._vtep = config.underlay.addresses[0]
        self._own = frozenset(config.underlay.addresses)
        self._rds = originate.distinguishers(config, router_id)
        self._importers: dict[RouteTarget, list[int]] = {}
        for vni, network in self._networks.items():
            for target in network.import_targets:
                self._importers.setdefault(target, []).append(vni)
        self._imports: dict[bytes, _Import] = {}
        self._claims: dict[tuple[int, Mac], dict[bytes, Claim]] = {}
        self._local: dict[tuple[int, Mac], int] = {}
        self._members: Counter[tuple[int, Target]] = Counter()
        self._sources: Counter[tuple[int, Ip]] = Counter()
        self.ignored: Counter[Ignored] = Counter()

    def start(self) -> Outcome:
        """A type 3 route for every network."""
        routes = [originate.imet_route(n, self._rds[vni], self._vtep) for vni, n in self._networks.items()]
        return Outcome(announce=list(routes))

    def concerns(self, bridge: int) -> bool:
        """Whether a bridge table is one of EVPN's."""
        return bridge in self._networks

    def imported_by(self, key: bytes) -> tuple[str, ...]:
        """Names of the networks that use a route."""
        used = self._imports.get(key)
        return tuple(self._networks[bridge].name for bridge in used.bridges) if used else ()

    # Local addresses.

    def local_learned(self, bridge: int, mac: Mac) -> Outcome:
        """An address was seen on a local port: announce it, and take it over if another VTEP claims it."""
        outcome = Outcome()
        claim = mobility.strongest(self._claims.get((bridge, mac), {}).values())
        known = self._local.get((bridge, mac))
        sequence = mobility.sequence_for_local(claim, known or 0)
        if claim is not None and mobility.yields(sequence, self._vtep, claim):
            outcome.forget.append((bridge, mac))
            return outcome
        if known == sequence:
            return outcome
        self._local[bridge, mac] = sequence
        self._overlay.remove_mac(bridge, mac)
        outcome.announce.append(self._mac_route(bridge, mac, sequence))
        return outcome

    def local_gone(self, bridge: int, mac: Mac) -> Outcome:
        """An address aged out or its port went: withdraw it, and believe the next claim."""
        outcome = Outcome()
        if self._local.pop((bridge, mac), None) is not None:
            outcome.withdraw.append(self._mac_route(bridge, mac, 0)[0].key)
            self._install(bridge, mac)
        return outcome

    def local_sequence(self, bridge: int, mac: Mac) -> int:
        """The mobility sequence number with which a local address is announced; 0 if it is not."""
        return self._local.get((bridge, mac), 0)

    def _mac_route(self, bridge: int, mac: Mac, sequence: int) -> tuple[EvpnRoute, Attributes]:
        return originate.mac_route(self._networks[bridge], self._rds[bridge], self._vtep, mac, sequence)

    # Routes.

    def routes_changed(self, changes: Iterable[BestChange]) -> Outcome:
        """Best routes came, changed or went."""
        outcome = Outcome()
        for change in changes:
            before = self._imports.pop(change.key, None)
            after = self._import(change.route) if change.route is not None and change.route.peer else None
            if after is not None:
                self._imports[change.key] = after
                self._add(change.key, after)
            if before is not None:
                self._take_back(change.key, before, after)
            for bridge, mac in self._touched(before, after):
                self._settle(bridge, mac, outcome)
        return outcome

    def _import(self, route: Route) -> _Import | None:
        """The networks whose import targets a route has, and its meaning; a useless one is counted."""
        targets = route_targets(route.attributes.ext_communities)
        bridges = sorted({bridge for target in targets for bridge in self._importers.get(target, ())})
        if not bridges:
            return None
        meaning = resolve.read(route, self._own)
        if isinstance(meaning, Ignored):
            self.ignored[meaning] += 1
            return None
        return _Import(tuple(bridges), meaning) if meaning is not None else None

    def _add(self, key: bytes, used: _Import) -> None:
        for bridge in used.bridges:
            if isinstance(used.meaning, Reach):
                claim = used.meaning.claim
                self._claims.setdefault((bridge, used.meaning.mac), {})[key] = claim
                self._let_in(bridge, claim.target)
            else:
                target = used.meaning.target
                self._members[bridge, target] += 1
                self._overlay.add_member(bridge, target)
                self._let_in(bridge, target)

    def _take_back(self, key: bytes, used: _Import, after: _Import | None) -> None:
        for bridge in used.bridges:
            if isinstance(used.meaning, Reach):
                name = (bridge, used.meaning.mac)
                # The key holds the MAC, so a newer version of the route has already replaced the claim.
                if after is None or bridge not in after.bridges:
                    self._claims[name].pop(key)
                    if not self._claims[name]:
                        del self._claims[name]
                self._shut_out(bridge, used.meaning.claim.target)
            else:
                member = (bridge, used.meaning.target)
                self._members[member] -= 1
                if not self._members[member]:
                    del self._members[member]
                    self._overlay.remove_member(*member)
                self._shut_out(*member)

    def _let_in(self, bridge: int, target: Target) -> None:
        """A VTEP named by an accepted route may send to this network, with the VNI that we announced."""
        self._sources[bridge, target.remote] += 1
        self._overlay.accept(bridge, target.encap, target.remote, bridge)

    def _shut_out(self, bridge: int, target: Target) -> None:
        self._sources[bridge, target.remote] -= 1
        if not self._sources[bridge, target.remote]:
            del self._sources[bridge, target.remote]
            self._overlay.refuse(bridge, target.encap, target.remote, bridge)

    @staticmethod
    def _touched(before: _Import | None, after: _Import | None) -> set[tuple[int, Mac]]:
        uses = [used for used in (before, after) if used is not None]
        return {
            (bridge, used.meaning.mac) for used in uses if isinstance(used.meaning, Reach) for bridge in used.bridges
        }

    def _settle(self, bridge: int, mac: Mac, outcome: Outcome) -> None:
        """After the claims to an address changed: does a local one give way, and what is installed?"""
        claim = mobility.strongest(self._claims.get((bridge, mac), {}).values())
        own = self._local.get((bridge, mac))
        if own is not None:
            if claim is None or not mobility.yields(own, self._vtep, claim):
                return
            del self._local[bridge, mac]
            outcome.withdraw.append(self._mac_route(bridge, mac, 0)[0].key)
            outcome.forget.append((bridge, mac))
        self._install(bridge, mac)

    def _install(self, bridge: int, mac: Mac) -> None:
        claim = mobility.strongest(self._claims.get((bridge, mac), {}).values())
        if claim is None:
            self._overlay.remove_mac(bridge, mac)
        else:
            self._overlay.set_mac(
                bridge, mac, claim.target, MacSource.EVPN, pinned=claim.sticky, sequence=claim.sequence
            )
