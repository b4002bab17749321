"""The eBPF data plane: tc programs on every attachment point and underlay interface, maps filled from rows."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Literal

from weft.dataplane.base import Capabilities, PortCounters, RowError
from weft.dataplane.ebpf import elf, layout
from weft.dataplane.ebpf.hooks import ClsactHooks, Hooks, TcxHooks, supports_tcx
from weft.dataplane.ebpf.tables import Tables, mac_key
from weft.forwarding.drops import Counter, Drop
from weft.forwarding.facts import Fact, Learned, LearnedLost, MacAged, MacLearned, Place
from weft.forwarding.rows import ClosedPort, MacRow, Row, UnderlayPort, Vap, VtepSettings
from weft.forwarding.snapshot import Delta
from weft.host import bpf
from weft.host.bpf import Map, RingBuffer
from weft.values import CapabilityMissing, Encap, Mac, Unavailable

log = logging.getLogger("weft.ebpf")

LICENCE = "Apache-2.0"
FACTS_AT_ONCE = 1024
SWEEP_ENTRIES = 16384
"""Addresses that one call of `age` looks at: some tens of milliseconds of Python."""
PROGRAMS: dict[type[Row], str] = {
    Vap: "weft_from_port",
    UnderlayPort: "weft_from_underlay",
    ClosedPort: "weft_not_underlay",
}
OBJECT = Path(__file__).with_name("weft.bpf.o")

CAPABILITIES = Capabilities(
    lane="ebpf",
    encaps=frozenset({Encap.VXLAN}),
    underlay_versions=frozenset({4}),
    flood_members=layout.FLOOD_MEMBERS,
    nexthop_targets=layout.FANOUT,
)

_EVENT = layout.BY_NAME["event"].packer
_KEY = layout.BY_NAME["mac_key"].packer
_LEARNED = layout.BY_NAME["learned"].packer
_AGE = layout.BY_NAME["age"].packer
_TRAFFIC = layout.BY_NAME["traffic"].packer


def _place(kind: int, where: int) -> Place:
    return Place(ifindex=where) if kind == layout.KIND_PORT else Place(nexthop=where)


def _learned(item: tuple[bytes, bytes]) -> Learned:
    """An entry of the map `learned`."""
    bridge, mac, _ = _KEY.unpack(item[0])
    seen, where, kind = _LEARNED.unpack(item[1])
    return Learned(bridge, Mac(mac), _place(kind, where), seen / 1e9)


class EbpfDataPlane:
    """See `weft.dataplane.base.DataPlane` for the calls.

    `pins` is an existing directory on a bpffs that outlives the process, or None. The programs are attached in
    the network namespace of the calling thread.
    """

    def __init__(self, pins: Path | None = None, hook: Literal["auto", "tcx", "clsact"] = "auto") -> None:
        bpf.check_permission()
        if not OBJECT.exists():
            raise Unavailable("this installation lacks its compiled eBPF program: install weft again")
        self._pins = pins
        self._shared = pins / layout.layout_hash() if pins else None
        if self._shared:
            self._shared.mkdir(mode=0o700, exist_ok=True)
        self._maps = {spec.name: self._make_map(spec) for spec in layout.MAPS}
        # Odd, so never KIND_PORT, and almost surely not the number of the agent before.
        self._tunnel_kind = int.from_bytes(os.urandom(4), "little") | 1
        self._tables = Tables(self._maps, self._tunnel_kind)
        self._tables.write(VtepSettings())
        self.programs = self._load()
        self._maps["programs"].update(struct.pack("=I", 0), struct.pack("=I", self.programs["weft_flood"]))
        tcx = hook == "tcx" or (hook == "auto" and supports_tcx(self.programs["weft_not_underlay"]))
        self._hooks: Hooks = TcxHooks(self._pins) if tcx else ClsactHooks()
        self._ring = RingBuffer(self._maps["events"])
        self._lost = self._count(Counter.EVENTS_LOST)
        self._sweep: Iterator[tuple[bytes, bytes]] | None = None
        self._attachments: dict[int, Row] = {}
        if not self._hooks.adopted:
            self._pin_programs()

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def _make_map(self, spec: layout.MapSpec) -> Map:
        """A new map; a shared one is taken over from the pin of an earlier agent with the same layout."""
        per_cpu = spec.type == layout.PERCPU_ARRAY
        pin = self._shared / spec.name if self._shared and spec.shared else None
        if pin is not None and pin.exists():
            octets = Map.user_octets(spec.value_octets, per_cpu)
            return Map(bpf.open_pin(pin), spec.key_octets, octets, spec.entries)
        made = Map.create(
            spec.name, spec.type, spec.key_octets, spec.value_octets, spec.entries, spec.flags, per_cpu=per_cpu
        )
        if pin is not None:
            bpf.pin(made.fd, pin)
        return made

    def _load(self) -> dict[str, int]:
        descriptors = {name: made.fd for name, made in self._maps.items()}
        programs = elf.programs(OBJECT.read_bytes())
        return {
            name: bpf.load_program(name, program.linked(descriptors), LICENCE) for name, program in programs.items()
        }

    def _pin_programs(self) -> None:
        """The kernel empties a program array when its last descriptor and pin are gone.

        Maps of another layout are those of an agent before an upgrade, whose programs have just been replaced.
        """
        if self._pins is None:
            return
        pin = self._pins / "programs"
        pin.unlink(missing_ok=True)
        bpf.pin(self._maps["programs"].fd, pin)
        for folder in [path for path in self._pins.iterdir() if path.is_dir() and path != self._shared]:
            _remove_pins(folder)
            folder.rmdir()

    def apply(self, delta: Delta) -> tuple[RowError, ...]:
        """Removals first would open a gap for rows that only change; so writes come first, in table order."""
        errors: list[RowError] = []
        for kind, rows in groupby(delta.upserts, type):
            if issubclass(kind, MacRow):
                errors += self._write_macs([row for row in rows if isinstance(row, MacRow)])
            else:
                errors += [error for row in rows if (error := self._write(row))]
        for kind, key in delta.deletes:
            if kind in PROGRAMS and isinstance(key, int):
                self._attachments.pop(key, None)
                self._hooks.detach(key)
            try:
                self._tables.remove(kind, key)
            except OSError as error:
                log.warning("%s %s could not be removed: %s", kind.__name__, key, error.strerror)
        return tuple(errors)

    def _write(self, row: Row) -> RowError | None:
        try:
            self._tables.write(row)
            if isinstance(row, Vap | UnderlayPort | ClosedPort):
                self._hooks.attach(row.ifindex, self.programs[PROGRAMS[type(row)]])
                self._attachments[row.ifindex] = row
        except (OSError, CapabilityMissing) as error:
            return RowError(row, _reason(error))
        return None

    def _write_macs(self, rows: list[MacRow]) -> list[RowError]:
        """All at once; if that fails, one by one to find which."""
        try:
            self._tables.write_macs(rows)
        except OSError as error:
            if len(rows) == 1:
                return [RowError(rows[0], _reason(error))]
            return [error for row in rows for error in self._write_macs([row])]
        return []

    def activate(self) -> tuple[RowError, ...]:
        if not self._hooks.adopted:
            return ()
        failed = self._hooks.activate()
        self._pin_programs()
        return tuple(RowError(self._attachments[ifindex], _reason(error)) for ifindex, error in failed.items())

    def fileno(self) -> int | None:
        return self._maps["events"].fd

    def facts(self) -> list[Fact]:
        facts: list[Fact] = []
        records = self._ring.read(FACTS_AT_ONCE)
        for record in records:
            kind, bridge, mac, place_kind, where, _ = _EVENT.unpack(record)
            make = MacLearned if kind == layout.EVENT_LEARNED else MacAged
            facts.append(make(bridge, Mac(mac), _place(place_kind, where)))
        lost = self._count(Counter.EVENTS_LOST)
        # Only once the ring is drained: records behind would be older than the table that is then read.
        if lost != self._lost and len(records) < FACTS_AT_ONCE:
            self._lost = lost
            facts.append(LearnedLost())
        return facts

    def learned(self) -> list[Learned]:
        return [_learned(item) for item in self._maps["learned"].items() if self._counts(item)]

    def _counts(self, item: tuple[bytes, bytes]) -> bool:
        """Not what an earlier agent's programs learned from tunnels: its next-hop numbers mean something else now."""
        return _LEARNED.unpack(item[1])[2] in (layout.KIND_PORT, self._tunnel_kind)

    def forget(self, keys: Iterable[tuple[int, Mac]]) -> None:
        for bridge, mac in keys:
            self._maps["learned"].delete(mac_key(bridge, mac))

    def age(self, now: float) -> None:
        """The program itself decides and reports, so that ageing and learning stay in order in the ring.

        A call looks at `SWEEP_ENTRIES` addresses; the next one goes on from there.
        """
        if self._sweep is None:
            self._sweep = self._maps["learned"].items()
        looked = list(islice(self._sweep, SWEEP_ENTRIES))
        if len(looked) < SWEEP_ENTRIES:
            self._sweep = None
        items = []
        for entry in map(_learned, looked):
            seen_before = now - self._tables.ageing_s(entry.bridge)
            if entry.last_seen < seen_before:
                items.append(_AGE.pack(int(seen_before * 1e9), entry.bridge, entry.mac.octets, 0, 0))
        for start in range(0, len(items), layout.AGE_BATCH):
            bpf.run_program(self.programs["weft_age"], b"".join(items[start : start + layout.AGE_BATCH]))

    def _count(self, index: int) -> int:
        value = self._maps["counters"].lookup(struct.pack("=I", index)) or b""
        return sum(struct.unpack(f"={len(value) // 8}Q", value))

    def drops(self) -> dict[Drop, int]:
        return {reason: self._count(reason) for reason in Drop}

    def counters(self) -> dict[Counter, int]:
        return {counter: self._count(counter) for counter in Counter}

    def port_counters(self) -> dict[int, PortCounters]:
        result = {}
        for ifindex, slot in self._tables.slots.known().items():
            value = self._maps["traffic"].lookup(struct.pack("=I", slot)) or b""
            sums = [sum(column) for column in zip(*_TRAFFIC.iter_unpack(value), strict=True)]
            if isinstance(ifindex, int):
                result[ifindex] = PortCounters(*sums)
        return result

    def close(self, keep: bool) -> None:
        self._hooks.close(keep)
        if not keep and self._pins is not None and self._shared is not None:
            (self._pins / "programs").unlink(missing_ok=True)
            _remove_pins(self._shared)
            self._shared.rmdir()
        self._ring.close()
        for program in self.programs.values():
            os.close(program)
        for made in self._maps.values():
            made.close()


def _remove_pins(folder: Path) -> None:
    for pin in folder.iterdir():
        pin.unlink()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"the kernel refused it: {error.strerror}"
    return str(error)
