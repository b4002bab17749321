"""The underlay as the kernel sees it: interfaces, routes to remote VTEPs, neighbours. Over netlink, asynchronous.

A data plane never asks the kernel for a route; this module resolves every equal-cost path to MAC addresses, and
says when to look again. Neighbours that only the data plane uses would go stale unseen, so the kernel is asked to
keep them reachable (NTF_MANAGED, Linux 5.16; on older ones each look refreshes them with NTF_USE).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from msgspec import Struct
from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from weft.values import Ip, Mac

_GROUPS = 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400  # links, neighbours, IPv4 and IPv6 addresses and routes
_FIB_MATCH = 0x2000  # answer with the route itself, all next hops, not with the choice for one packet
_UNICAST = 1
_USABLE = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80  # reachable, stale, delay, probe, noarp, permanent
_FIXED = 0x40 | 0x80  # noarp, permanent
_NTF_USE = 0x01
_REFRESH_S = 5.0
_NTF_EXT_MANAGED = 0x01
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_EEXIST, _EADDRINUSE = 17, 98

RECEIVE_DEVICE = "weftgro{port}"


class Interface(Struct, frozen=True):
    """A network device. `peer_reachable`: one end of a veth whose other end is in another namespace."""

    index: int
    name: str
    mac: Mac
    mtu: int
    up: bool
    peer_reachable: bool


class Hop(Struct, frozen=True, order=True):
    """One way out: the interface, and both MACs of the link to the first router or to the remote itself."""

    ifindex: int
    src_mac: Mac
    dst_mac: Mac


class Reach(Struct, frozen=True):
    """All equal-cost ways to a remote, sorted; none: unreachable. `mtu`: the smallest of their interfaces, octets."""

    remote: Ip
    mtu: int
    hops: tuple[Hop, ...]


class _Neighbour(Struct, frozen=True):
    """`mac` is None while it is not resolved. `fixed`: made by hand; `managed`: the kernel keeps it reachable."""

    mac: Mac | None
    known: bool
    fixed: bool
    managed: bool


class Underlay:
    """One namespace's view. `changed` is set whenever something that matters may have changed."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._netlink = AsyncIPRoute()
        self._monitor = AsyncIPRoute()
        self._asked: dict[tuple[int, str], float] = {}
        self._manages: bool | None = None
        """Whether this kernel manages neighbours; None: not seen yet."""

    async def start(self) -> None:
        """Subscribe first, so that nothing between the first look and the first event is missed."""
        await self._monitor.bind(groups=_GROUPS)
        self.changed.set()

    async def watch(self) -> None:
        """Set `changed` at every event, for ever. Events that were lost in a flood count as one."""
        while True:
            try:
                async for _ in self._monitor.get():
                    self.changed.set()
            except (OSError, NetlinkError):
                self._monitor.close()
                self._monitor = AsyncIPRoute()
                await self.start()

    def close(self) -> None:
        """Give the netlink sockets back; `watch` must have ended."""
        for socket in (self._netlink, self._monitor):
            with suppress(OSError):
                socket.close()

    async def interfaces(self) -> dict[str, Interface]:
        """Every device of the namespace by name."""
        found = {}
        async for link in await self._netlink.link("dump"):
            address, name = link.get("address"), link.get("ifname")
            if not name or not address or len(address) != 17:
                continue
            flags = int(link["flags"])
            kind = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND")
            found[name] = Interface(
                int(link["index"]),
                name,
                Mac.parse(address),
                int(link.get("mtu")),
                bool(flags & _IFF_UP and flags & _IFF_RUNNING),
                kind == "veth" and link.get("link_netnsid") is not None,
            )
        return found

    async def reach(self, remotes: Iterable[Ip], interfaces: Iterable[Interface]) -> list[Reach]:
        """How every remote is reached over the given interfaces."""
        usable = {interface.index: interface for interface in interfaces if interface.up}
        neighbours: dict[tuple[int, str], _Neighbour] = {}
        return [await self._reach(remote, usable, neighbours) for remote in sorted(remotes)]

    async def _reach(
        self, remote: Ip, usable: dict[int, Interface], neighbours: dict[tuple[int, str], _Neighbour]
    ) -> Reach:
        hops, mtus = [], []
        for key in await self._hops(remote):
            interface = usable.get(key[0])
            if interface is None:
                continue
            if key not in neighbours:
                neighbours[key] = await self._neighbour(*key)
                await self._keep_reachable(*key, neighbours[key])
            mac = neighbours[key].mac
            if mac is not None:
                hops.append(Hop(interface.index, interface.mac, mac))
                mtus.append(interface.mtu)
        return Reach(remote, min(mtus, default=0), tuple(sorted(hops)))

    async def _hops(self, remote: Ip) -> list[tuple[int, str]]:
        """(interface index, address to resolve there) of every equal-cost next hop."""
        try:
            answer = await self._netlink.route("get", dst=str(remote), flags=_FIB_MATCH)
        except NetlinkError:
            return []  # no route
        hops: list[tuple[int, str]] = []
        for route in answer:
            if route.get("type") == _UNICAST:
                entries = route.get("RTA_MULTIPATH") or [route]
                hops += [(_interface(entry), _gateway(entry) or str(remote)) for entry in entries]
        return hops

    async def _neighbour(self, index: int, gateway: str) -> _Neighbour:
        """One entry by itself: tables hold thousands, and a handful are in use."""
        try:
            (entry, *_) = await self._netlink.neigh("get", dst=gateway, ifindex=index)
        except (NetlinkError, ValueError):
            return _Neighbour(None, known=False, fixed=False, managed=False)
        state, text = int(entry["state"]), entry.get("lladdr")
        usable = state & _USABLE and text and len(text) == 17
        managed = bool((entry.get("NDA_FLAGS_EXT") or 0) & _NTF_EXT_MANAGED)
        return _Neighbour(Mac.parse(text) if usable else None, True, bool(state & _FIXED), managed)

    async def _keep_reachable(self, index: int, gateway: str, neighbour: _Neighbour) -> None:
        """Ask the kernel to manage the neighbour; it forgets that when the link loses its carrier.

        Entries that somebody made permanent are theirs. A kernel that does not know the flag ignores it in silence:
        the entry that it made has no flag. Then it can only be asked to refresh entries every so often, and not at
        every look, since each request is an event.
        """
        key = (index, gateway)
        if neighbour.managed:
            self._manages = True
        if neighbour.fixed or neighbour.managed:
            return
        now = time.monotonic()
        last = self._asked.get(key)
        if neighbour.known and last is not None and self._manages is None:
            self._manages = False
        if self._manages is False and last is not None and now - last < _REFRESH_S:
            return
        self._asked[key] = now
        extended = {} if self._manages is False else {"NDA_FLAGS_EXT": _NTF_EXT_MANAGED}
        with suppress(NetlinkError):  # the interface has just gone
            await self._netlink.neigh("replace", dst=gateway, ifindex=index, state="none", flags=_NTF_USE, **extended)

    async def open_receive_device(self, port: int) -> Interface | None:
        """An idle VXLAN device that owns the tunnel port, so that the kernel aggregates what arrives there (GRO).

        None if another device owns the port: then that one has the same effect. Nothing is ever received on it,
        the data plane closes it.
        """
        name = RECEIVE_DEVICE.format(port=port)
        try:
            await self._netlink.link(
                "add", ifname=name, kind="vxlan", vxlan_collect_metadata=1, vxlan_learning=0, vxlan_port=port
            )
        except NetlinkError as error:
            if error.code not in (_EEXIST, _EADDRINUSE):
                return None
        device = (await self.interfaces()).get(name)
        if device is None:
            return None
        try:
            await self._netlink.link("set", index=device.index, state="up")
        except NetlinkError:
            await self.close_receive_device(port)
            return None  # the port is taken: its owner aggregates
        return device

    async def close_receive_device(self, port: int) -> None:
        device = (await self.interfaces()).get(RECEIVE_DEVICE.format(port=port))
        if device is not None:
            with suppress(NetlinkError):
                await self._netlink.link("del", index=device.index)


def _interface(entry: Any) -> int:
    return int(entry.get("oif") or entry.get("RTA_OIF") or 0)


def _gateway(entry: Any) -> str | None:
    via = entry.get("RTA_VIA")
    gateway = via["addr"] if via else entry.get("RTA_GATEWAY")
    return str(gateway) if gateway else None
