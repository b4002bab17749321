"""The node: facts and events in, rows and routes out.

kernel (links, routes, neighbours) ─► own rows ─┐
BGP best routes ─► evpn ─► overlay ─► rows ─────┼─► Desired ─► data plane
data plane facts ─► evpn ─► own routes ─► BGP   ┘
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable

from weft.config.tree import HostConfig, Network
from weft.control import static
from weft.control.bgp import BestChange, Speaker
from weft.control.evpn import Evpn, Outcome
from weft.control.local import config_rows
from weft.control.overlay import Overlay
from weft.dataplane.base import DataPlane
from weft.forwarding.facts import Fact, LearnedLost, MacAged, MacLearned, Place
from weft.forwarding.rows import ClosedPort, Path, Row, UnderlayPort, UnderlayRoute, Vap
from weft.forwarding.tunnels import UNDERLAY_OCTETS
from weft.host.underlay import Interface, Reach, Underlay
from weft.node.desired import Desired
from weft.node.transport import BgpTransport
from weft.values import Ip, Mac
from weft.wire import ethernet

log = logging.getLogger("weft.node")

SLICE_FACTS = 500
"""Learned addresses handled before other work gets its turn."""
SLICE_ROUTES = 500
"""Best-route changes handled before other work gets its turn."""
SETTLE_S = 0.02
"""Kernel events come in bursts; the node looks once they pause this long."""
HOUSEKEEPING_S = 1.0
RETRY_EVERY_S = 5.0
RECEIVE_RETRY_S = 30.0
END_OF_RIB_PATIENCE_S = 30.0
"""A peer that sends no End-of-RIB counts as synchronised this long after it came up."""
UNDERLAY_OCTETS_L2 = UNDERLAY_OCTETS + ethernet.LENGTH


class Node:
    """One agent without its process: config and collaborators in, `run` until cancelled."""

    def __init__(
        self, config: HostConfig, plane: DataPlane | None, clock: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self.config = config
        self.plane = plane
        self.clock = clock
        self.started = clock()
        self.underlay = Underlay()
        self.interfaces: dict[str, Interface] = {}
        self.routes: dict[Ip, UnderlayRoute] = {}
        self.overlay = Overlay(config.underlay.addresses[0] if config.underlay.addresses else Ip(bytes(4)))
        self.desired = Desired(plane) if plane is not None else None
        self.speaker = Speaker(config.bgp, random) if config.bgp is not None else None
        self.evpn = Evpn(config, config.bgp.router_id, self.overlay) if config.bgp and config.vtep else None
        self.transport = (
            BgpTransport(config.bgp, self.speaker, clock, self._take_changes) if config.bgp and self.speaker else None
        )
        self._receive_device: Interface | None = None
        self._receive_retry_at = 0.0
        self._local_macs: dict[tuple[int, Mac], int] = {}
        self._alive: set[tuple[int, int]] = set()
        self._table_lost = asyncio.Event()
        self._watching = False
        self._changes: deque[BestChange] = deque()
        self._changes_wake = asyncio.Event()
        self._looked = False
        self._activated = False

    @property
    def networks(self) -> tuple[Network, ...]:
        return self.config.networks

    def network_mtu(self, network: Network) -> int | None:
        """Largest tenant IP packet: as configured, else what the underlay leaves. None: not known yet."""
        if network.mtu is not None:
            return network.mtu
        mtus = [i.mtu for name, i in self.interfaces.items() if name in self.config.underlay.interfaces]
        smallest = self.config.underlay.mtu or min(mtus, default=None)
        return smallest - UNDERLAY_OCTETS_L2 if smallest else None

    async def run(self) -> None:
        """Work until cancelled. Whatever ends one part ends the node, with its error."""
        await self.underlay.start()
        if self.config.vtep is not None:
            static.configure(self.config, self.overlay)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.underlay.watch(), name="underlay events")
            group.create_task(self._look_again(), name="underlay")
            group.create_task(self._handle_changes(), name="routes")
            if self.plane is not None:
                self._watch_facts(True)
                group.create_task(self._adopt_learned(), name="learned addresses")
            group.create_task(self._keep_house(), name="housekeeping")
            if self.transport is not None:
                await self.transport.start()
            if self.evpn is not None:
                self._do(self.evpn.start())

    async def stop(self, keep: bool) -> None:
        """End BGP sessions with a cease; leave forwarding in place or remove every trace."""
        if self.transport is not None:
            await self.transport.stop()
        if self.plane is not None:
            self._watch_facts(False)
            self.plane.close(keep)
        if not keep and self.config.vtep is not None:
            await self.underlay.close_receive_device(self.config.vtep.udp_port)
        self.underlay.close()

    # The machine: interfaces, underlay routes.

    async def _look_again(self) -> None:
        while True:
            await self.underlay.changed.wait()
            await asyncio.sleep(SETTLE_S)
            self.underlay.changed.clear()
            await self._look()

    async def _look(self) -> None:
        self.interfaces = await self.underlay.interfaces()
        if self.desired is None or self.config.vtep is None:
            self._looked = True
            return
        await self._keep_receive_device(self.config.vtep.udp_port)
        self._ports_changed()
        carriers = [self.interfaces[n] for n in self.config.underlay.interfaces if n in self.interfaces]
        reached = await self.underlay.reach(self.overlay.remotes(), carriers)
        self.routes = {reach.remote: self._underlay_route(reach) for reach in reached}
        self.desired.state(self._own_rows(carriers))
        self._flush()
        self._looked = True

    def _underlay_route(self, reach: Reach) -> UnderlayRoute:
        """What the kernel says as a row, with the configured MTU as its limit."""
        limit = self.config.underlay.mtu
        mtu = min(reach.mtu, limit) if limit is not None else reach.mtu
        return UnderlayRoute(reach.remote, mtu, tuple(Path(h.ifindex, h.src_mac, h.dst_mac) for h in reach.hops))

    async def _keep_receive_device(self, port: int) -> None:
        """Make the device that lets the kernel aggregate, and again if somebody removed it.

        If another device owns the port, trying is itself an event: so not on every look.
        """
        device, now = self._receive_device, self.clock()
        if (device is None or device.name not in self.interfaces) and now >= self._receive_retry_at:
            self._receive_device = await self.underlay.open_receive_device(port)
            if self._receive_device is None:
                self._receive_retry_at = now + RECEIVE_RETRY_S

    def _vaps(self) -> list[Vap]:
        return [
            Vap(interface.index, network.vni, interface.name, interface.peer_reachable)
            for network in self.networks
            for port in network.ports
            if (interface := self.interfaces.get(port.name)) is not None
        ]

    def _own_rows(self, carriers: list[Interface]) -> list[Row]:
        rows: list[Row] = [*config_rows(self.config), *self._vaps()]
        rows += [UnderlayPort(interface.index, interface.mac) for interface in carriers]
        if self._receive_device is not None and self._receive_device.name in self.interfaces:
            rows.append(ClosedPort(self._receive_device.index))
        return [*rows, *self.routes.values()]

    def _ports_changed(self) -> None:
        """Flood lists follow the ports; addresses behind a port that is gone or down are gone."""
        vaps = self._vaps()
        for network in self.networks:
            self.overlay.set_ports(network.vni, [vap.ifindex for vap in vaps if vap.bridge == network.vni])
        before = self._alive
        self._alive = {(vap.bridge, vap.ifindex) for vap in vaps if self.interfaces[vap.name].up}
        if self._alive - before:
            self._table_lost.set()
        gone = [key for key, ifindex in self._local_macs.items() if (key[0], ifindex) not in self._alive]
        if gone and self.plane is not None:
            self.plane.forget(gone)
            self._handle([MacAged(bridge, mac, Place()) for bridge, mac in gone])

    def _is_dead(self, bridge: int, ifindex: int) -> bool:
        """Whether a port was down or elsewhere at the last look."""
        return self._looked and (bridge, ifindex) not in self._alive

    # Facts of the data plane.

    def _watch_facts(self, watch: bool) -> None:
        """Take facts as they come, or leave them in the ring."""
        self._watching = watch
        descriptor = self.plane.fileno() if self.plane is not None else None
        if descriptor is None:
            return
        if watch:
            asyncio.get_running_loop().add_reader(descriptor, self._take_facts)
        else:
            asyncio.get_running_loop().remove_reader(descriptor)

    def _take_facts(self) -> None:
        if self.plane is not None and self._watching:
            self._handle(self.plane.facts())

    def _handle(self, facts: Iterable[Fact]) -> None:
        """What a batch of facts means, said to BGP and the data plane once."""
        outcome = Outcome()
        for fact in facts:
            match fact:
                case MacLearned(bridge, mac, place) if place.ifindex and self._is_dead(bridge, place.ifindex):
                    # Learned from what was under way when its port went: nothing would ever take it back. If the
                    # port is just coming up, the table is read once more when that is seen.
                    continue
                case MacLearned(bridge, mac, place) if place.ifindex:
                    self._local_macs[bridge, mac] = place.ifindex
                    if self.evpn is not None and self.evpn.concerns(bridge):
                        outcome.add(self.evpn.local_learned(bridge, mac))
                case MacLearned(bridge, mac, place) | MacAged(bridge, mac, place):
                    self._local_macs.pop((bridge, mac), None)
                    if self.evpn is not None and self.evpn.concerns(bridge):
                        outcome.add(self.evpn.local_gone(bridge, mac))
                case LearnedLost():
                    self._table_lost.set()
        self._do(outcome)
        self._flush()

    async def _adopt_learned(self) -> None:
        """Read the whole table, at the start (what an earlier agent's programs learned) and after reports were lost.

        In slices: a table may hold a quarter of a million addresses. Newer reports wait in the ring meanwhile, or an
        address that has just aged would be taken for present.
        """
        self._table_lost.set()
        while True:
            await self._table_lost.wait()
            self._table_lost.clear()
            self._take_facts()
            self._watch_facts(False)
            facts = self._table_as_facts()
            for start in range(0, len(facts), SLICE_FACTS):
                self._handle(facts[start : start + SLICE_FACTS])
                await asyncio.sleep(0)
            self._watch_facts(True)

    def _table_as_facts(self) -> list[Fact]:
        """What would have been reported to come from what is believed to what is in the table."""
        entries = self.plane.learned() if self.plane is not None else []
        present = {(entry.bridge, entry.mac): entry.place for entry in entries if entry.place.ifindex}
        gone = [MacAged(bridge, mac, Place()) for bridge, mac in self._local_macs if (bridge, mac) not in present]
        return [*gone, *(MacLearned(bridge, mac, place) for (bridge, mac), place in present.items())]

    async def _keep_house(self) -> None:
        """What happens at intervals: ageing, another try of rows that failed, a line in the log on a change."""
        last_retry = self.clock()
        known: list[str] = ["the agent has just started"]
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            now = self.clock()
            if self.plane is not None:
                self.plane.age(now)
                self._take_facts()
            if self.desired is not None and now - last_retry >= RETRY_EVERY_S:
                last_retry = now
                self.desired.retry()
            self._look_if_something_is_missing()
            problems = self.problems()
            if problems != known:
                known = problems
                log.info("converged" if not problems else "not converged: " + "; ".join(problems))
            self._activate_when_ready(not problems)

    def _look_if_something_is_missing(self) -> None:
        """What no event will announce: a neighbour to be asked for again, a device to be made again."""
        device = self._receive_device
        lost = self.config.vtep is not None and (device is None or device.name not in self.interfaces)
        if (lost and self.clock() >= self._receive_retry_at) or any(not route.paths for route in self.routes.values()):
            self.underlay.changed.set()

    def _activate_when_ready(self, converged: bool) -> None:
        """Take over from an earlier agent's rows when ours are complete, or when waiting helps no more."""
        late = self.clock() - self.started > END_OF_RIB_PATIENCE_S
        if self.desired is not None and not self._activated and (converged or late):
            self.desired.activate()
            self._activated = True

    # Routes.

    def _take_changes(self) -> None:
        if self.speaker is not None and (changes := self.speaker.take_changes()) and self.evpn is not None:
            self._changes.extend(changes)
            self._changes_wake.set()

    async def _handle_changes(self) -> None:
        while True:
            await self._changes_wake.wait()
            self._changes_wake.clear()
            while self._changes and self.evpn is not None:
                count = min(SLICE_ROUTES, len(self._changes))
                self._do(self.evpn.routes_changed([self._changes.popleft() for _ in range(count)]))
                self._flush()
                await asyncio.sleep(0)

    def _do(self, outcome: Outcome) -> None:
        if outcome.forget and self.plane is not None:
            self.plane.forget(outcome.forget)
            for key in outcome.forget:
                self._local_macs.pop(key, None)
        if (outcome.announce or outcome.withdraw) and self.transport is not None:
            self.transport.tell(lambda speaker, now: speaker.originate(outcome.announce, outcome.withdraw, now))

    def _flush(self) -> None:
        """Write what the overlay changed; a remote seen for the first time needs its underlay route."""
        if self.desired is None:
            return
        self.desired.apply(self.overlay.take_delta())
        if self.overlay.remotes() - self.routes.keys():
            self.underlay.changed.set()

    # What is missing.

    def problems(self) -> list[str]:
        """Why the node is not converged; empty when it is."""
        found = [] if self._looked else ["the interfaces have not been read yet"]
        found += self._bgp_problems()
        if self.desired is None:
            return found
        names = [*self.config.underlay.interfaces, *(port.name for n in self.networks for port in n.ports)]
        found += [f"interface {name} does not exist" for name in names if self._looked and name not in self.interfaces]
        for remote in sorted(self.overlay.remotes()):
            route = self.routes.get(remote)
            if route is None or not route.paths:
                found.append(f"no underlay path to VTEP {remote}")
        if self._changes:
            found.append(f"{len(self._changes)} route changes are waiting")
        return found + [f"{type(e.row).__name__} {e.row.key}: {e.reason}" for e in self.desired.pending.values()]

    def _bgp_problems(self) -> list[str]:
        if self.speaker is None:
            return []
        found = []
        for peer in self.speaker.peers(self.clock()):
            if peer.state.name != "ESTABLISHED":
                reason = f": {peer.last_error}" if peer.last_error else ""
                found.append(f"BGP session with {peer.peer} is {peer.state.name.lower()}{reason}")
            elif not peer.end_of_rib and peer.uptime_s < END_OF_RIB_PATIENCE_S:
                found.append(f"BGP peer {peer.peer} has not sent all its routes yet")
        return found
