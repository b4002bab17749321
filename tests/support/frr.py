"""Real FRR: zebra and bgpd in a namespace, started by hand, told what to do with vtysh.

The distribution's service is not used and must not run. A reflector needs bgpd alone; a VTEP needs zebra too, which
reads the kernel's VXLAN devices and writes its forwarding table.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from support.machines import Machine, need
from support.wait import wait_until
from weft.wire.bgp.communities import TunnelType

_PROGRAMS = Path("/usr/lib/frr")
_STOP_S = 10.0

VTEP, REFLECTOR = ("zebra", "bgpd"), ("bgpd",)


class EvpnRoute(Struct, frozen=True, order=True):
    """One EVPN route as FRR or weft shows it, in the words of `weft show evpn`. Addresses it lacks are empty."""

    rd: str
    type: int
    mac: str
    ip: str
    vnis: tuple[int, ...]
    nexthop: str
    route_targets: tuple[str, ...]
    encap: int
    sequence: int


class Frr:
    """The daemons of one machine; made by `frr`."""

    def __init__(self, machine: Machine, config: str, daemons: Sequence[str]) -> None:
        self.machine = machine
        self._daemons = daemons
        self._name = machine.namespace
        self._run = Path("/var/run/frr", self._name)
        self._etc = Path("/etc/frr", self._name)
        self._config = self._etc / "given.conf"
        self._running: list[subprocess.Popen[bytes]] = []
        for path in (self._run, self._etc):
            path.mkdir()
            shutil.chown(path, "frr", "frr")
        (self._etc / "vtysh.conf").touch()
        self._config.write_text(config)

    @property
    def log(self) -> str:
        return "".join(f"{path.name}:\n{path.read_text()}" for path in sorted(self._run.glob("*.log")))

    def start(self) -> None:
        """Start the daemons and give them their configuration."""
        for name in self._daemons:
            # -P 0: no terminal over TCP. Not -d: so each stays our child, with a process id that we know.
            command = [str(_PROGRAMS / name), "-N", self._name, "-P", "0", "--log", f"file:{self._run}/{name}.log"]
            process = self.machine.start(*command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self._running.append(process)
            wait_until(f"{name} of {self.machine.name}", lambda n=name: self._answers(n))  # type: ignore[misc]
        self.machine.run("vtysh", "-N", self._name, "-f", str(self._config))

    def freeze(self) -> None:
        """Stop every daemon where it is: its connections stay, it says nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self, *, abruptly: bool = False) -> None:
        """End the daemons: in order, with a NOTIFICATION to every peer, or as a crash does."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGKILL if abruptly else signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _signal(self, number: signal.Signals) -> None:
        for process in reversed(self._running):
            process.send_signal(number)

    def remove(self) -> None:
        self.stop()
        for path in (self._run, self._etc):
            shutil.rmtree(path)

    def do(self, *commands: str) -> str:
        """Run commands in vtysh. Returns what they print."""
        words = [word for command in commands for word in ("-c", command)]
        return self.machine.run("vtysh", "-N", self._name, *words)

    def show(self, what: str) -> Any:
        """What `show WHAT json` prints."""
        return json.loads(self.do(f"show {what} json"))

    def established(self, peer: str) -> bool:
        peers = self.show("bgp l2vpn evpn summary").get("peers", {})
        return bool(peers.get(peer, {}).get("state") == "Established")

    def routes(self) -> list[EvpnRoute]:
        """Every route of types 2 and 3, of every peer, sorted."""
        return sorted(_route(rd, entry, path) for rd, entry, path in self.paths(2, 3))

    def paths(self, *types: int) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        """(RD, route, one of its paths) of these route types, as FRR prints them."""
        for rd, table in self.show("bgp l2vpn evpn route detail").items():
            for entry in table.values() if isinstance(table, dict) else ():
                if isinstance(entry, dict) and entry["routeType"] in types:
                    yield from ((rd, entry, path) for paths in entry["paths"] for path in paths)

    def mac_sequences(self, vni: int, mac: str) -> tuple[int, int]:
        """(local, remote) mobility sequence numbers of an address; (-1, -1) if FRR does not know it."""
        found = self.show(f"evpn mac vni {vni}").get("macs", {}).get(mac)
        return (found["localSequence"], found["remoteSequence"]) if found else (-1, -1)

    def _answers(self, daemon: str) -> bool:
        process = self._running[-1]
        assert process.poll() is None, f"{daemon} of {self.machine.name} has ended:\n{self.log}"
        with socket.socket(socket.AF_UNIX) as terminal:
            return terminal.connect_ex(str(self._run / f"{daemon}.vty")) == 0


def _route(rd: str, entry: dict[str, Any], path: dict[str, Any]) -> EvpnRoute:
    communities = path["extendedCommunity"]["string"]
    (encap,) = re.findall(r"ET:(\d+)", communities)
    sequence = re.search(r"MM:(\d+)", communities)
    return EvpnRoute(
        rd=rd,
        type=entry["routeType"],
        mac=entry.get("mac", ""),
        ip=entry.get("ip", ""),
        vnis=(path["pmsi"]["label"],) if "pmsi" in path else tuple(map(int, path["vni"].split("/"))),
        nexthop=path["nexthops"][0]["ip"],
        route_targets=tuple(re.findall(r"RT:(\S+)", communities)),
        encap=int(encap),
        sequence=int(sequence[1]) if sequence else 0,
    )


def shown_by_weft(items: list[dict[str, Any]]) -> list[EvpnRoute]:
    """The items of `weft show evpn`, types 2 and 3, in the same shape."""
    return sorted(
        EvpnRoute(
            rd=item["rd"],
            type=item["type"],
            mac=item["mac"] or "",
            ip=item["ip"] or "",
            vnis=tuple(item["vnis"]),
            nexthop=item["nexthop"],
            route_targets=tuple(item["route_targets"]),
            encap=int(TunnelType[item["encaps"][0].upper()]),
            sequence=item["sequence"],
        )
        for item in items
        if item["type"] in (2, 3)
    )


@contextmanager
def frr(machine: Machine, config: str, daemons: Sequence[str] = VTEP) -> Iterator[Frr]:
    """Run FRR for the block. Nothing of it is left afterwards."""
    need(*daemons, "vtysh")
    running = Frr(machine, config, daemons)
    try:
        running.start()
        yield running
    finally:
        running.remove()
