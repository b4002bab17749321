"""The overlay keeps rows by deltas; saying everything anew is the oracle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.frames import mac
from weft.control.overlay import NextHops, Overlay
from weft.forwarding.rows import (
    Accept,
    FloodList,
    MacRow,
    MacSource,
    NextHop,
    Target,
    Tunnel,
)
from weft.forwarding.snapshot import EMPTY, Snapshot, apply
from weft.values import Encap, Ip, Mac

LOCAL = Ip.parse("192.0.2.1")
REMOTES = [Ip.parse(f"192.0.2.{number}") for number in range(2, 6)]
BRIDGES = [5001, 5002]
MACS = [mac(number) for number in range(4)]
bridges, remotes, macs = st.sampled_from(BRIDGES), st.sampled_from(REMOTES), st.sampled_from(MACS)


def target(remote: Ip, key: int = 5001) -> Target:
    return Target(Encap.VXLAN, remote, key)


class AnyHistory(RuleBasedStateMachine):
    """Say and take back facts in any order. The deltas, applied one by one, must give what a fresh overlay gives
    that is told only what still holds (next-hop ids aside, which depend on history)."""

    def __init__(self) -> None:
        super().__init__()
        self.overlay = Overlay(LOCAL)
        self.installed = EMPTY
        self.ports: dict[int, tuple[int, ...]] = {}
        self.members: set[tuple[int, Ip]] = set()
        self.accepts: dict[tuple[int, Ip], bool] = {}
        self.macs: dict[tuple[int, Mac], Ip] = {}

    @rule(bridge=bridges, ports=st.sets(st.integers(1, 4)))
    def set_ports(self, bridge: int, ports: set[int]) -> None:
        self.overlay.set_ports(bridge, ports)
        self.ports[bridge] = tuple(ports)

    @rule(bridge=bridges, remote=remotes)
    def add_member(self, bridge: int, remote: Ip) -> None:
        self.overlay.add_member(bridge, target(remote, bridge))
        self.members.add((bridge, remote))

    @rule(bridge=bridges, remote=remotes)
    def remove_member(self, bridge: int, remote: Ip) -> None:
        self.overlay.remove_member(bridge, target(remote, bridge))
        self.members.discard((bridge, remote))

    @rule(bridge=bridges, remote=remotes, learn=st.booleans())
    def accept(self, bridge: int, remote: Ip, learn: bool) -> None:
        self.overlay.accept(bridge, Encap.VXLAN, remote, bridge, target(remote, bridge) if learn else None)
        self.accepts.setdefault((bridge, remote), learn)

    @rule(bridge=bridges, remote=remotes)
    def refuse(self, bridge: int, remote: Ip) -> None:
        self.overlay.refuse(bridge, Encap.VXLAN, remote, bridge)
        self.accepts.pop((bridge, remote), None)

    @rule(bridge=bridges, address=macs, remote=remotes)
    def set_mac(self, bridge: int, address: Mac, remote: Ip) -> None:
        self.overlay.set_mac(bridge, address, target(remote, bridge), MacSource.EVPN)
        self.macs[bridge, address] = remote

    @rule(bridge=bridges, address=macs)
    def remove_mac(self, bridge: int, address: Mac) -> None:
        self.overlay.remove_mac(bridge, address)
        self.macs.pop((bridge, address), None)

    def said_anew(self) -> Overlay:
        fresh = Overlay(LOCAL)
        for bridge, ports in self.ports.items():
            fresh.set_ports(bridge, ports)
        for bridge, remote in self.members:
            fresh.add_member(bridge, target(remote, bridge))
        for (bridge, remote), learn in self.accepts.items():
            fresh.accept(bridge, Encap.VXLAN, remote, bridge, target(remote, bridge) if learn else None)
        for (bridge, address), remote in self.macs.items():
            fresh.set_mac(bridge, address, target(remote, bridge), MacSource.EVPN)
        return fresh

    @invariant()
    def deltas_add_up_to_the_tables(self) -> None:
        self.installed = apply(self.overlay.take_delta(), self.installed)
        assert self.installed == self.overlay.snapshot()

    @invariant()
    def history_leaves_no_trace(self) -> None:
        assert without_ids(self.overlay.snapshot()) == without_ids(self.said_anew().snapshot())
        assert self.overlay.remotes() == self.said_anew().remotes()


def without_ids(rows: Snapshot) -> object:
    """Rows with next-hop ids replaced by what they lead to."""
    targets = {number: hop.targets for number, hop in rows.table(NextHop).items()}
    targets[0] = ()
    return (
        set(rows.table(Tunnel).values()),
        sorted(targets.values()),
        {(key, targets[accept.nexthop], accept.bridge) for key, accept in rows.table(Accept).items()},
        {(key, targets[row.nexthop], row.source) for key, row in rows.table(MacRow).items()},
        set(rows.table(FloodList).values()),
    )


TestAnyHistory = AnyHistory.TestCase


def test_a_next_hop_id_is_not_reused_while_a_row_may_still_point_to_it() -> None:
    """The data plane writes before it removes: in between, the old row would lead to the new next hop."""
    overlay = Overlay(LOCAL)
    overlay.set_mac(5001, mac(1), target(REMOTES[0]), MacSource.EVPN)
    (old,) = overlay.take_delta().upserts[-1:]
    assert isinstance(old, MacRow)
    overlay.remove_mac(5001, mac(1))
    overlay.set_mac(5002, mac(2), target(REMOTES[1], 5002), MacSource.EVPN)
    delta = overlay.take_delta()
    assert old.nexthop not in {row.id for row in delta.upserts if isinstance(row, NextHop)}
    overlay.set_mac(5002, mac(3), target(REMOTES[2], 5002), MacSource.EVPN)
    assert old.nexthop in {row.id for row in overlay.take_delta().upserts if isinstance(row, NextHop)}


def test_a_thousand_addresses_behind_one_remote_share_one_next_hop() -> None:
    overlay = Overlay(LOCAL)
    for number in range(1000):
        overlay.set_mac(5001, mac(number), target(REMOTES[0]), MacSource.EVPN)
    delta = overlay.take_delta()
    assert sum(isinstance(row, NextHop) for row in delta.upserts) == 1
    assert sum(isinstance(row, MacRow) for row in delta.upserts) == 1000


def test_flood_lists_name_ports_before_tunnels() -> None:
    overlay = Overlay(LOCAL)
    overlay.add_member(5001, target(REMOTES[0]))
    overlay.set_ports(5001, (9, 3))
    (flood,) = overlay.snapshot().table(FloodList).values()
    assert [member.ifindex for member in flood.members] == [3, 9, 0]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5))))
def test_next_hop_ids_are_unique_while_in_use(steps: list[tuple[bool, int]]) -> None:
    hops, users = NextHops(), []
    for take, number in steps:
        targets = (target(REMOTES[0], number + 1),)
        if take:
            users.append((targets, hops.acquire(targets)[0]))
        elif users:
            hops.release(users.pop(number % len(users))[0])
            if number % 2:
                hops.recycle()
        ids = dict(users)
        assert len(set(ids.values())) == len(ids)
        assert 0 not in ids.values()
