"""Forwarding rows -> map entries. One method a row type; each writes exactly what its row says.

Tunnels live in an array, so each gets an index here; 0 is never used, it means "no tunnel". A tunnel entry is
made of two rows, the tunnel and the underlay route to its remote; whichever comes later completes it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from weft.dataplane.ebpf import layout
from weft.forwarding.rows import (
    Accept,
    AllowedSource,
    Bridge,
    FloodList,
    FloodMember,
    LocalAddress,
    MacRow,
    NextHop,
    Row,
    Target,
    Tunnel,
    UnderlayRoute,
    Vap,
    VtepSettings,
    WireKey,
)
from weft.host.bpf import Map
from weft.values import CapabilityMissing, Encap, Ip, Mac

_U32 = struct.Struct("=I")


def _pack(name: str, *values: Any) -> bytes:
    return layout.BY_NAME[name].packer.pack(*values)


def mac_key(bridge: int, mac: Mac) -> bytes:
    """Key of the maps `macs` and `learned`."""
    return _pack("mac_key", bridge, mac.octets, 0)


class Indexes:
    """Hands out the smallest free index from `first` below `limit`, one for each name."""

    def __init__(self, first: int, limit: int, what: str) -> None:
        self._limit = limit
        self._what = what
        self._next = first
        self._free: list[int] = []
        self._by_name: dict[Hashable, int] = {}

    def of(self, name: Hashable) -> int:
        """The name's index, given now if it has none. Raises CapabilityMissing when all are taken."""
        index = self._by_name.get(name)
        if index is None:
            if not self._free and self._next >= self._limit:
                raise CapabilityMissing(f"more than {self._limit} {self._what} do not fit the eBPF data plane")
            index = self._free.pop() if self._free else self._next
            self._next = max(self._next, index + 1)
            self._by_name[name] = index
        return index

    def release(self, name: Hashable) -> int | None:
        index = self._by_name.pop(name, None)
        if index is not None:
            self._free.append(index)
        return index

    def known(self) -> Mapping[Hashable, int]:
        return self._by_name


class Tables:
    """Writes rows into the maps, and remembers the few rows from which entries of other rows are made."""

    def __init__(self, maps: Mapping[str, Map], tunnel_kind: int) -> None:
        self._maps = maps
        self._tunnel_kind = tunnel_kind
        self._bridges: dict[int, Bridge] = {}
        self._tunnels: dict[tuple[Encap, Ip], Tunnel] = {}
        self._by_remote: dict[Ip, set[tuple[Encap, Ip]]] = {}
        self._routes: dict[Ip, UnderlayRoute] = {}
        self._by_bridge: dict[type[Row], dict[Hashable, Row]] = {Vap: {}, Accept: {}, WireKey: {}}
        self._tunnel_indexes = Indexes(1, layout.TUNNELS, "tunnels")
        self.slots = Indexes(0, layout.PORTS, "attachment points")
        self._writers: dict[type[Row], Callable[[Any], None]] = {
            VtepSettings: self._settings,
            Bridge: self._bridge,
            LocalAddress: lambda row: self._maps["locals"].update(row.address.octets, _U32.pack(1)),
            AllowedSource: lambda row: self._maps["sources"].update(_source_key(row.prefix), _U32.pack(1)),
            WireKey: self._wire_key,
            UnderlayRoute: self._route,
            Tunnel: self._tunnel,
            NextHop: self._nexthop,
            Accept: self._accept,
            FloodList: self._flood,
            Vap: self._vap,
        }
        self._removers: dict[type[Row], Callable[[Any], Any]] = {
            Bridge: lambda key: self._bridges.pop(key, None),
            LocalAddress: lambda key: self._maps["locals"].delete(key.octets),
            AllowedSource: lambda key: self._maps["sources"].delete(_source_key(key)),
            WireKey: lambda key: self._remove_of_bridge(WireKey, key, "wire_keys", _U32.pack(key[1])),
            UnderlayRoute: self._remove_route,
            Tunnel: self._remove_tunnel,
            NextHop: self._remove_nexthop,
            Accept: lambda key: self._remove_of_bridge(Accept, key, "accepts", _accept_key(key[1], key[2])),
            MacRow: lambda key: self._maps["macs"].delete(mac_key(*key)),
            FloodList: lambda key: self._maps["floods"].delete(_U32.pack(key)),
            Vap: self._remove_vap,
        }

    def write(self, row: Row) -> None:
        """Write one row; rows without a map of their own are ignored. Raises OSError, CapabilityMissing."""
        writer = self._writers.get(type(row))
        if writer is not None:
            writer(row)

    def write_macs(self, rows: Iterable[MacRow]) -> None:
        """Write many MAC rows in one call. Raises OSError; then some may be written."""
        keys, values = [], []
        for row in rows:
            keys.append(mac_key(row.bridge, row.mac))
            values.append(_pack("mac_value", row.nexthop, layout.MAC_PINNED if row.pinned else 0))
        self._maps["macs"].update_many(b"".join(keys), b"".join(values))

    def remove(self, kind: type[Row], key: Any) -> None:
        """Remove one row; an absent one is fine."""
        remover = self._removers.get(kind)
        if remover is not None:
            remover(key)

    def ageing_s(self, bridge: int) -> float:
        row = self._bridges.get(bridge)
        return row.ageing_s if row else 0.0

    def _settings(self, row: VtepSettings) -> None:
        flags = layout.CONFIG_STRICT if row.strict else 0
        self._maps["config"].update(
            _U32.pack(0), _pack("config", row.hash_seed, row.udp_port, flags, self._tunnel_kind)
        )

    def _bridge_flags(self, bridge: int) -> int:
        row = self._bridges.get(bridge)
        return layout.BRIDGE_LEARN if row is not None and row.learn else 0

    def _bridge(self, row: Bridge) -> None:
        """A bridge table's flags stand in every entry that leads to it, which saves the frame one look-up."""
        self._bridges[row.bridge] = row
        for kind, rows in self._by_bridge.items():
            for entry in [entry for entry in rows.values() if getattr(entry, "bridge", None) == row.bridge]:
                self._writers[kind](entry)

    def _remove_of_bridge(self, kind: type[Row], key: Hashable, name: str, packed: bytes) -> None:
        self._by_bridge[kind].pop(key, None)
        self._maps[name].delete(packed)

    def _wire_key(self, row: WireKey) -> None:
        self._by_bridge[WireKey][row.key] = row
        value = _pack("wire_key", row.bridge, self._bridge_flags(row.bridge))
        self._maps["wire_keys"].update(_U32.pack(row.wire_key), value)

    def _accept(self, row: Accept) -> None:
        self._by_bridge[Accept][row.key] = row
        value = _pack("accept", row.bridge, row.group, row.nexthop, self._bridge_flags(row.bridge))
        self._maps["accepts"].update(_accept_key(row.remote, row.wire_key), value)

    def _vap(self, row: Vap) -> None:
        self._by_bridge[Vap][row.key] = row
        flags = layout.VAP_PEER if row.peer_reachable else 0
        value = _pack("vap", row.bridge, self.slots.of(row.ifindex), flags, self._bridge_flags(row.bridge))
        self._maps["vaps"].update(_U32.pack(row.ifindex), value)

    def _remove_vap(self, ifindex: int) -> None:
        self._remove_of_bridge(Vap, ifindex, "vaps", _U32.pack(ifindex))
        slot = self.slots.release(ifindex)
        if slot is not None:
            self._maps["traffic"].update(_U32.pack(slot), b"")

    def _route(self, row: UnderlayRoute) -> None:
        self._routes[row.remote] = row
        self._refresh_tunnels(row.remote)

    def _remove_route(self, remote: Ip) -> None:
        if self._routes.pop(remote, None) is not None:
            self._refresh_tunnels(remote)

    def _refresh_tunnels(self, remote: Ip) -> None:
        for key in self._by_remote.get(remote, ()):
            self._tunnel(self._tunnels[key])

    def _tunnel(self, row: Tunnel) -> None:
        self._tunnels[row.key] = row
        self._by_remote.setdefault(row.remote, set()).add(row.key)
        route = self._routes.get(row.remote)
        paths = route.paths[: layout.FANOUT] if route else ()
        packed = b"".join(_pack("path", path.ifindex, path.src_mac.octets, path.dst_mac.octets) for path in paths)
        mtu = route.mtu if route else 0
        value = _pack("tunnel", row.local.octets, row.remote.octets, mtu, len(paths), row.ttl, 0, packed)
        self._maps["tunnels"].update(_U32.pack(self._tunnel_indexes.of(row.key)), value)

    def _remove_tunnel(self, key: tuple[Encap, Ip]) -> None:
        self._tunnels.pop(key, None)
        self._by_remote.get(key[1], set()).discard(key)
        index = self._tunnel_indexes.release(key)
        if index is not None:
            self._maps["tunnels"].update(_U32.pack(index), b"")

    def _target(self, target: Target) -> tuple[int, int]:
        return self._tunnel_indexes.known().get(target.tunnel, 0), target.key

    def _nexthop(self, row: NextHop) -> None:
        if len(row.targets) > layout.FANOUT:
            raise CapabilityMissing(f"a next hop has {len(row.targets)} targets, {layout.FANOUT} fit")
        if row.id >= layout.NEXTHOPS:
            raise CapabilityMissing(f"more than {layout.NEXTHOPS} next hops do not fit the eBPF data plane")
        targets = b"".join(_pack("target", *self._target(target)) for target in row.targets)
        self._maps["nexthops"].update(_U32.pack(row.id), _pack("nexthop", len(row.targets), targets))

    def _remove_nexthop(self, number: int) -> None:
        if number < layout.NEXTHOPS:  # others never got in
            self._maps["nexthops"].update(_U32.pack(number), b"")

    def _flood(self, row: FloodList) -> None:
        """A list that is too long is cut, ports first: an old one left in place would name tunnels that are gone."""
        kept = row.members[: layout.FLOOD_MEMBERS]
        ports = sum(member.target is None for member in kept)
        members = b"".join(_pack("member", *self._member(member)) for member in kept)
        self._maps["floods"].update(_U32.pack(row.bridge), _pack("flood", len(kept), ports, members))
        if len(kept) < len(row.members):
            raise CapabilityMissing(
                f"{len(row.members)} receivers of flooded frames, the first {len(kept)} fit the eBPF data plane"
            )

    def _member(self, member: FloodMember) -> tuple[int, int, int, int]:
        if member.target is None:
            return member.group, member.ifindex, 0, 0
        return (member.group, 0, *self._target(member.target))


def _source_key(prefix: Any) -> bytes:
    return _pack("source", prefix.length, prefix.ip.octets)


def _accept_key(remote: Ip, key: int) -> bytes:
    return _pack("accept_key", remote.octets, key)
