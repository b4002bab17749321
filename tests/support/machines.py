"""Namespaces joined by cables, with names that no other run has, and gone at the end whatever happened.

A machine is a namespace. Nothing here is weft's: addresses, bridges and VXLAN devices are the kernel's own, made
with iproute2 as an operator would.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from msgspec import Struct

from support.wait import wait_until
from weft.host import netns
from weft.host.links import links_of

_numbers = itertools.count()

OFFLOADS = (
    "tso", "gso", "tx", "sg",
    "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "tx-gre-segmentation", "tx-gre-csum-segmentation",
)  # fmt: skip
"""Without these every packet is cut to size and has its checksums before it leaves: what a real wire would carry."""


def need(*programs: str) -> None:
    """Skip the test, saying why, if a program is missing."""
    missing = [name for name in programs if shutil.which(name, path=f"{os.environ['PATH']}:/usr/lib/frr") is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


class Machine(Struct, frozen=True):
    """One namespace."""

    name: str
    namespace: str

    def start(self, *command: str, **options: object) -> subprocess.Popen[bytes]:
        """Start a program in the namespace. Unlike `ip netns exec` this leaves /sys, and so bpffs, as it is."""
        with netns.entered(self.namespace):
            return subprocess.Popen(command, **options)  # type: ignore[call-overload,no-any-return]

    def run(self, *command: str) -> str:
        """Run a program in the namespace to its end. Returns its output; raises AssertionError with its errors."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, errors = process.communicate(timeout=30)
        assert process.returncode == 0, f"{' '.join(command)} in {self.name}: {errors.decode()}{out.decode()}"
        return out.decode()

    def ip(self, command: str) -> str:
        return self.run("ip", *command.split())

    def bridge(self, command: str) -> str:
        return self.run("bridge", *command.split())

    def offloads(self, port: str, on: bool) -> None:
        """Every transmit offload of a port that changes what is on the wire."""
        self.run("ethtool", "-K", port, *(word for name in OFFLOADS for word in (name, "on" if on else "off")))

    def gro(self, port: str, on: bool) -> None:
        self.run("ethtool", "-K", port, "gro", "on" if on else "off")

    def index(self, port: str) -> int:
        with links_of(self.namespace) as links:
            return links.index(port)

    def mac(self, port: str) -> str:
        with links_of(self.namespace) as links:
            return str(links.interfaces()[port].mac)


class Host(Struct, frozen=True):
    """A tenant system: a machine with one port, `eth0`, on prefixes of length 24 and 64."""

    machine: Machine
    mac: str
    ipv4: str
    ipv6: str

    @property
    def addresses(self) -> tuple[str, str]:
        return self.ipv4, self.ipv6


class Machines:
    """Makes machines and cables; made by `machines`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.made: list[Machine] = []

    def machine(self, name: str, *, ipv6: bool = False) -> Machine:
        """A namespace with `lo` up. Without `ipv6` its kernel sends nothing of its own on new interfaces."""
        machine = Machine(name, f"{self._prefix}-{name}")
        netns.create(machine.namespace)
        self.made.append(machine)
        off = "0" if ipv6 else "1"
        with netns.entered(machine.namespace):
            settings = {"disable_ipv6": off, "accept_dad": "0", "router_solicitations": "0"}
            netns.set_sysctls(
                {f"net/ipv6/conf/{of}/{key}": value for of in ("all", "default") for key, value in settings.items()}
            )
        machine.ip("link set lo up")
        return machine

    def cable(self, near: Machine, port: str, far: Machine, far_port: str, mtu: int = 1500) -> None:
        """A veth pair, both ends up and passing frames."""
        near.ip(f"link add {port} mtu {mtu} type veth peer name {far_port} mtu {mtu} netns {far.namespace}")
        for machine, name in ((near, port), (far, far_port)):
            machine.ip(f"link set {name} up")
        for machine, name in ((near, port), (far, far_port)):
            wait_until(f"{name} of {machine.name} passes frames", lambda m=machine, n=name: _passes(m, n))  # type: ignore[misc]

    def host(self, number: int, leaf: Machine, leaf_port: str, mtu: int = 1450) -> Host:
        """Tenant system `number`, joined to `leaf`: 10.1.0.N/24, 2001:db8::N/64, MAC ending in N."""
        host = Host(self.machine(f"h{number}", ipv6=True), f"02:00:00:00:01:{number:02x}", f"10.1.0.{number}",
                    f"2001:db8::{number:x}")  # fmt: skip
        self.cable(leaf, leaf_port, host.machine, "eth0")
        host.machine.ip(f"link set eth0 address {host.mac} mtu {mtu}")
        host.machine.ip(f"addr add {host.ipv4}/24 dev eth0")
        host.machine.ip(f"addr add {host.ipv6}/64 dev eth0 nodad")
        return host

    def lan(self, addresses: dict[Machine, str], mtu: int = 1500) -> Machine:
        """An Ethernet switch of its own; each machine gets a port `u0` on it with its address. Returns the switch."""
        switch = self.machine("lan")
        switch.ip("link add sw type bridge mcast_snooping 0")
        switch.ip("link set sw up")
        for machine, address in addresses.items():
            self.cable(switch, machine.name, machine, "u0", mtu)
            switch.ip(f"link set {machine.name} master sw")
            machine.ip(f"addr add {address} dev u0")
        return switch


def kernel_vtep(
    machine: Machine, vni: int, local: str, ports: list[str], *, learning: bool = False, bridge: str = "br0",
    device: str = "vx",
) -> None:  # fmt: skip
    """A VTEP of the kernel's: a bridge and a VXLAN device. `learning`: source addresses behind it are learned."""
    word = "learning" if learning else "nolearning"
    machine.ip(f"link add name {bridge} type bridge mcast_snooping 0")
    machine.ip(f"link add name {device} type vxlan id {vni} local {local} dstport 4789 {word} ttl 64 df set")
    for port in (device, *ports):
        machine.ip(f"link set {port} master {bridge}")
    for port in (bridge, device):
        machine.ip(f"link set {port} up")
    if not learning:
        machine.bridge(f"link set dev {device} learning off")


def _passes(machine: Machine, port: str) -> bool:
    with links_of(machine.namespace) as links:
        return links.passes_frames(port)


@contextmanager
def machines() -> Iterator[Machines]:
    """Everything made inside is removed with the block."""
    result = Machines(f"wt{os.getpid()}x{next(_numbers)}")
    try:
        yield result
    finally:
        for machine in reversed(result.made):
            with suppress(Exception), links_of(machine.namespace) as links:
                for port in links.interfaces():
                    if port != "lo":
                        links.delete(port)
            netns.delete(machine.namespace)
