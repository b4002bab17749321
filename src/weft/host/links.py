"""Interfaces, addresses and routes of one namespace, over rtnetlink (pyroute2, imported when first needed).

For set-up work only, one request at a time; bulk tables have a packed path of their own.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

from msgspec import Struct

from weft.host import netns
from weft.values import Ip, Mac, PermissionMissing, Prefix, Unavailable

_IFF_UP = 1
_SIOCGIFINDEX = 0x8933
_GONE = (errno.ENODEV, errno.ENOENT, errno.ESRCH)


class End(Struct, frozen=True):
    """One end of a veth pair; `mtu` in octets of IP packet."""

    namespace: str
    port: str
    mac: Mac
    mtu: int


class Interface(Struct, frozen=True):
    """An interface as the kernel shows it."""

    index: int
    mac: Mac | None
    mtu: int
    up: bool


class NextHop(Struct, frozen=True):
    """One way out: an address on the link of `port`; it may be IPv6 for an IPv4 prefix (as in RFC 8950)."""

    port: str
    address: Ip


class Links:
    """The interfaces of one namespace; made by `links_of`."""

    def __init__(self, netlink: Any, query: socket.socket) -> None:
        self._netlink = netlink
        self._query = query

    def interfaces(self) -> dict[str, Interface]:
        """Every interface by name."""
        found = {}
        for link in self._netlink.get_links():
            text = link.get("address")
            mac = Mac.parse(text) if text and len(text) == 17 else None
            found[link.get("ifname")] = Interface(
                index=link["index"],
                mac=mac,
                mtu=int(link.get("mtu")),
                up=bool(link["flags"] & _IFF_UP),
            )
        return found

    def index(self, port: str) -> int:
        """The interface's index. Raises Unavailable if there is no such interface."""
        # netdevice(7): asked without the lock that every rtnetlink request of the machine waits for.
        request = struct.pack("16sI20x", port.encode(), 0)
        try:
            answer = fcntl.ioctl(self._query, _SIOCGIFINDEX, request)
        except OSError:
            raise Unavailable(f"there is no interface {port}") from None
        return int(struct.unpack_from("16xI", answer)[0])

    def passes_frames(self, port: str) -> bool:
        """Whether it and its far end are up, and the kernel has taken note, which can come a second later.

        Asking for one link, not for all, makes kernels from 6.8 on take note at once.
        """
        (link,) = self._netlink.link("get", index=self.index(port))
        return bool(link.get("operstate") == "UP")

    def add_veth(self, near: End, far: End) -> None:
        """Join this namespace (`near` is here) to another, or to itself, by a veth pair, both ends down."""
        with ExitStack() as stack:
            peer: dict[str, Any] = {"ifname": far.port, "address": str(far.mac), "mtu": far.mtu}
            if far.namespace != near.namespace:
                peer["net_ns_fd"] = stack.enter_context(netns.opened(far.namespace))
            self._do("link", "add", kind="veth", ifname=near.port, address=str(near.mac), mtu=near.mtu, peer=peer)

    def up(self, port: str) -> None:
        """Set the interface up."""
        self._do("link", "set", index=self.index(port), state="up")

    def down(self, port: str) -> None:
        """Set the interface down."""
        self._do("link", "set", index=self.index(port), state="down")

    def delete(self, port: str) -> None:
        """Remove the interface (a veth takes its other end with it). Idempotent."""
        found = self.interfaces().get(port)
        if found is not None:
            self._do("link", "del", ignore=_GONE, index=found.index)

    def add_address(self, port: str, prefix: Prefix) -> None:
        """Give the interface an address. Idempotent."""
        self._do(
            "addr",
            "add",
            ignore=(errno.EEXIST,),
            index=self.index(port),
            family=_family(prefix.ip),
            address=str(prefix.ip),
            prefixlen=prefix.length,
        )

    def set_route(self, prefix: Prefix, hops: Sequence[NextHop], source: Ip | None = None) -> None:
        """Make the one route to `prefix` go by all `hops` alike (ECMP), in place of any before."""
        paths = [{"oif": self.index(hop.port), **_gateway(prefix, hop.address)} for hop in hops]
        route: dict[str, Any] = {"dst": str(prefix.network), "family": _family(prefix.ip)}
        if source is not None:
            route["prefsrc"] = str(source)
        # A single path is written as such: the kernel shows a one-member multipath route that way too.
        self._do("route", "replace", **route, **(paths[0] if len(paths) == 1 else {"multipath": paths}))

    def delete_route(self, prefix: Prefix) -> None:
        """Remove the route to `prefix`. Idempotent."""
        self._do("route", "del", ignore=_GONE, dst=str(prefix.network), family=_family(prefix.ip))

    def _do(self, noun: str, command: str, /, *, ignore: tuple[int, ...] = (), **request: Any) -> None:
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            getattr(self._netlink, noun)(command, **request)
        except NetlinkError as error:
            if error.code in ignore:
                return
            what = f"{noun} {command} {request}"
            if error.code == errno.EPERM:
                raise PermissionMissing(f"{what} is not permitted: it needs CAP_NET_ADMIN, run as root") from None
            raise Unavailable(f"the kernel refuses {what}: {error}") from None


@contextmanager
def links_of(namespace: str | None = None) -> Iterator[Links]:
    """The interfaces of a named namespace (None: the current one). Not to be used inside an event loop."""
    from pyroute2 import IPRoute

    with ExitStack() as stack:
        # A socket belongs for good to the namespace that it was opened in.
        with netns.entered(namespace) if namespace is not None else nullcontext():
            netlink = stack.enter_context(IPRoute())
            query = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        yield Links(netlink, query)


def link_local(mac: Mac) -> Ip:
    """The IPv6 link-local address of an interface with this MAC (RFC 4291 appendix A: modified EUI-64)."""
    octets = mac.octets
    return Ip(b"\xfe\x80" + bytes(6) + bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:])


def _family(ip: Ip) -> int:
    return int(socket.AF_INET if ip.version == 4 else socket.AF_INET6)


def _gateway(prefix: Prefix, hop: Ip) -> dict[str, Any]:
    if hop.version == prefix.ip.version:
        return {"gateway": str(hop)}
    return {"via": {"family": _family(hop), "addr": str(hop)}}
