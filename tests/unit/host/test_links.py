"""Interfaces, addresses and routes of namespaces, as the kernel then shows them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from weft.host import netns
from weft.host.links import End, NextHop, link_local, links_of
from weft.values import Ip, Mac, Prefix, Unavailable

MAC_A, MAC_B = Mac.parse("02:00:00:00:00:0a"), Mac.parse("02:00:00:00:00:0b")


def test_link_local_follows_rfc_4291_appendix_a() -> None:
    assert link_local(Mac.parse("34:56:78:9a:bc:de")) == Ip.parse("fe80::3656:78ff:fe9a:bcde")
    assert link_local(MAC_A) == Ip.parse("fe80::ff:fe00:a")


@pytest.fixture
def pair() -> Iterator[tuple[End, End]]:
    """The ends of a veth pair between two namespaces, port a and port b."""
    names = [f"weft-test-{os.getpid()}-{side}" for side in "ab"]
    ends = (End(names[0], "a", MAC_A, 9216), End(names[1], "b", MAC_B, 1400))
    for name in names:
        netns.create(name)
    with links_of(names[0]) as links:
        links.add_veth(*ends)
    yield ends
    for name in names:
        netns.delete(name)


def routes(namespace: str) -> list[Any]:
    from pyroute2 import IPRoute

    with netns.entered(namespace):
        netlink = IPRoute()
    with netlink:
        return [route for route in netlink.get_routes(family=socket.AF_INET) if route["proto"] == 4]


@pytest.mark.root
def test_a_veth_pair_has_the_stated_macs_and_mtus(pair: tuple[End, End]) -> None:
    for end in pair:
        with links_of(end.namespace) as links:
            found = links.interfaces()[end.port]
            assert (found.mac, found.mtu, found.up) == (end.mac, end.mtu, False)
            links.up(end.port)
            assert links.interfaces()[end.port].up


@pytest.mark.root
def test_frames_pass_once_both_ends_are_up(pair: tuple[End, End]) -> None:
    a, b = pair
    with links_of(a.namespace) as near, links_of(b.namespace) as far:
        near.up(a.port)
        assert not near.passes_frames(a.port)
        far.up(b.port)
        deadline = time.monotonic() + 5
        while not (near.passes_frames(a.port) and far.passes_frames(b.port)):
            assert time.monotonic() < deadline


@pytest.mark.root
def test_deleting_one_end_takes_the_other_and_is_idempotent(pair: tuple[End, End]) -> None:
    a, b = pair
    with links_of(a.namespace) as near, links_of(b.namespace) as far:
        near.delete(a.port)
        near.delete(a.port)
        assert set(near.interfaces()) == set(far.interfaces()) == {"lo"}


@pytest.mark.root
def test_a_port_name_in_use_is_refused_with_the_kernels_reason(pair: tuple[End, End]) -> None:
    with links_of(pair[0].namespace) as links, pytest.raises(Unavailable, match="File exists"):
        links.add_veth(*pair)


@pytest.mark.root
def test_an_address_may_be_added_twice(pair: tuple[End, End]) -> None:
    from pyroute2 import IPRoute

    a = pair[0]
    with links_of(a.namespace) as links:
        for _ in range(2):
            links.add_address(a.port, Prefix.parse("192.0.2.1/24"))
            links.add_address(a.port, Prefix.parse("2001:db8::1/64"))
    with netns.entered(a.namespace):
        netlink = IPRoute()
    with netlink:
        seen = [(address.get("address"), address["prefixlen"]) for address in netlink.get_addr()]
    assert seen.count(("192.0.2.1", 24)) == seen.count(("2001:db8::1", 64)) == 1


@pytest.mark.root
def test_a_route_replaces_the_one_before_with_all_its_next_hops(pair: tuple[End, End]) -> None:
    a = pair[0]
    prefix, source = Prefix.parse("10.255.0.9/32"), Ip.parse("10.255.0.1")
    hops = [NextHop(a.port, link_local(MAC_B)), NextHop(a.port, link_local(MAC_A))]
    with links_of(a.namespace) as links:
        for port in ("lo", a.port):
            links.up(port)
        links.add_address("lo", Prefix.parse("10.255.0.1/32"))
        links.set_route(prefix, hops[:1], source)
        links.set_route(prefix, hops, source)
    (route,) = routes(a.namespace)
    assert (route.get("dst"), route["dst_len"], route.get("prefsrc")) == ("10.255.0.9", 32, "10.255.0.1")
    ways = [hop.get("via") for hop in route.get("multipath")]
    assert [way["addr"] for way in ways] == [str(hop.address) for hop in hops]


@pytest.mark.root
def test_a_route_by_a_port_that_is_not_there_names_the_port(pair: tuple[End, End]) -> None:
    with links_of(pair[0].namespace) as links, pytest.raises(Unavailable, match="no interface swp9"):
        links.set_route(Prefix.parse("10.0.0.0/8"), [NextHop("swp9", Ip.parse("fe80::1"))])
