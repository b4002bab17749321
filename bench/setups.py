"""The set-ups that are compared: two tenants, and between them ...

raw      one veth pair; the limit
bridged  the kernel's VXLAN device in a Linux bridge on each side, static FDB; what most people run
direct   the kernel's VXLAN device moved into the tenant's namespace, no bridge; the kernel at its best
weft     a weft agent on each side, as anyone would start it: closed tunnels, learning, counters, drop reasons

tenant 1 ─veth─ host 1 ─veth (underlay, MTU 1500)─ host 2 ─veth─ tenant 2       (tenants' MTU 1450)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct
from pyroute2 import IPRoute

from weft.cli.client import get_items
from weft.host import netns
from weft.host.links import End, links_of
from weft.values import Mac, Prefix, WeftError

UNDERLAY_MTU, TENANT_MTU = 1500, 1450
VNI = 100
RECEIVER = "10.9.0.2"


class Pair(Struct, frozen=True):
    """Namespaces of the sending and the receiving tenant."""

    name: str
    sender: str
    receiver: str


def _mac(kind: int, side: int) -> Mac:
    return Mac(bytes((2, 0, 0, 0, kind, side)))


def _namespace(stack: ExitStack, name: str) -> str:
    full = f"weft-bench-{os.getpid()}-{name}"
    netns.create(full)
    stack.callback(netns.delete, full)
    with netns.entered(full):
        netns.set_sysctls({f"net/ipv6/conf/{which}/disable_ipv6": "1" for which in ("all", "default")})
    return full


def _cable(near: End, far: End) -> None:
    with links_of(near.namespace) as links, links_of(far.namespace) as others:
        links.add_veth(near, far)
        links.up(near.port)
        others.up(far.port)


def _address(namespace: str, port: str, prefix: str) -> None:
    with links_of(namespace) as links:
        links.add_address(port, Prefix.parse(prefix))


def raw(stack: ExitStack) -> Pair:
    tenants = [_namespace(stack, f"raw-t{side}") for side in (1, 2)]
    ends = [End(tenants[side - 1], "eth0", _mac(0xA, side), TENANT_MTU) for side in (1, 2)]
    _cable(ends[0], ends[1])
    for side in (1, 2):
        _address(tenants[side - 1], "eth0", f"10.9.0.{side}/24")
    return Pair("raw", tenants[0], tenants[1])


def _hosts(stack: ExitStack, name: str) -> tuple[list[str], list[str]]:
    """Two tenants, two hosts, and the underlay between the hosts."""
    tenants = [_namespace(stack, f"{name}-t{side}") for side in (1, 2)]
    hosts = [_namespace(stack, f"{name}-h{side}") for side in (1, 2)]
    underlay = [End(hosts[side - 1], "u0", _mac(0xB, side), UNDERLAY_MTU) for side in (1, 2)]
    _cable(underlay[0], underlay[1])
    for side in (1, 2):
        _address(hosts[side - 1], "u0", f"192.0.2.{side}/24")
    return tenants, hosts


def _tenant_cable(tenant: str, host: str, side: int) -> None:
    _cable(End(tenant, "eth0", _mac(0xA, side), TENANT_MTU), End(host, "p0", _mac(0xC, side), TENANT_MTU))
    _address(tenant, "eth0", f"10.9.0.{side}/24")


def _vxlan(ip: IPRoute, name: str, side: int, **more: object) -> int:
    """A kernel VXLAN device with its defaults but for learning."""
    ip.link(
        "add",
        ifname=name,
        kind="vxlan",
        vxlan_id=VNI,
        vxlan_local=f"192.0.2.{side}",
        vxlan_port=4789,
        vxlan_learning=0,
        mtu=TENANT_MTU,
        **more,
    )
    return int(ip.link_lookup(ifname=name)[0])


def _point_at_the_other(ip: IPRoute, name: str, side: int) -> None:
    """Bring the device up, with static entries for the other tenant and for flooded frames."""
    index = int(ip.link_lookup(ifname=name)[0])
    ip.link("set", index=index, state="up")
    for mac in (_mac(0xA, 3 - side), Mac(bytes(6))):
        ip.fdb("append", ifindex=index, lladdr=str(mac), dst=f"192.0.2.{3 - side}", state=0x80)


def bridged(stack: ExitStack) -> Pair:
    tenants, hosts = _hosts(stack, "bridged")
    for side in (1, 2):
        _tenant_cable(tenants[side - 1], hosts[side - 1], side)
        with netns.entered(hosts[side - 1]), IPRoute() as ip:
            ip.link("add", ifname="br0", kind="bridge")
            bridge = int(ip.link_lookup(ifname="br0")[0])
            ip.link("set", index=bridge, state="up")
            for index in (_vxlan(ip, "vx0", side), int(ip.link_lookup(ifname="p0")[0])):
                ip.link("set", index=index, master=bridge)
            _point_at_the_other(ip, "vx0", side)
    return Pair("bridged", tenants[0], tenants[1])


def direct(stack: ExitStack) -> Pair:
    tenants, hosts = _hosts(stack, "direct")
    for side in (1, 2):
        with netns.entered(hosts[side - 1]), IPRoute() as ip, netns.opened(tenants[side - 1]) as tenant:
            index = _vxlan(ip, "eth0", side, address=str(_mac(0xA, side)))
            ip.link("set", index=index, net_ns_fd=tenant)
        with netns.entered(tenants[side - 1]), IPRoute() as ip:
            _point_at_the_other(ip, "eth0", side)
        _address(tenants[side - 1], "eth0", f"10.9.0.{side}/24")
    return Pair("direct", tenants[0], tenants[1])


CONFIG = """
version: 1
kind: host
name: bench{side}
underlay: {{interfaces: [u0], address: 192.0.2.{side}, mtu: 1500}}
vtep: {{dataplane: ebpf, control: static}}
agent: {{on-exit: remove}}
tenants: {{bench: {{networks: {{net: {{vni: 100, remotes: [192.0.2.{other}], ports: [{{name: p0}}]}}}}}}}}
"""


def weft(stack: ExitStack) -> Pair:
    tenants, hosts = _hosts(stack, "weft")
    for side in (1, 2):
        _tenant_cable(tenants[side - 1], hosts[side - 1], side)
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(agent(hosts[side - 1], CONFIG.format(side=side, other=3 - side), state))
    return Pair("weft", tenants[0], tenants[1])


@contextmanager
def agent(namespace: str, config: str, state: Path) -> Iterator[None]:
    """A weft agent in a namespace, converged; stopped and without a trace afterwards."""
    from weft.host import bpffs

    file = state / "host.weft.yaml"
    file.write_text(config)
    command = [sys.executable, "-m", "weft.cli.main", "agent", "-c", str(file), "--state-dir", str(state)]
    with netns.entered(namespace):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while not _converged(state / "api.sock"):
            if time.monotonic() > deadline or process.poll() is not None:
                raise WeftError(f"the agent in {namespace} did not come up")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)
        bpffs.unmount(state / "bpf")


def _converged(socket: Path) -> bool:
    try:
        return bool(get_items(socket, "status")[0]["converged"])
    except (WeftError, OSError):
        return False


SETUPS: tuple[Callable[[ExitStack], Pair], ...] = (raw, bridged, direct, weft)
