"""The underlay over real netlink.

namespace under test ── e0 ──┐ fe80::…    10.255.0.9/32 by both (ECMP), 10.255.0.8/32 by e1 only
                     ── e1 ──┘ fe80::…
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator

import pytest

from support.frames import mac
from support.wait import wait_until
from weft.host import netns
from weft.host.links import End, Links, NextHop, link_local, links_of
from weft.host.underlay import Reach, Underlay
from weft.values import Ip, Prefix

pytestmark = pytest.mark.root
BOTH, ONE, NOWHERE = Ip.parse("10.255.0.9"), Ip.parse("10.255.0.8"), Ip.parse("10.254.0.1")
PORTS = ("e0", "e1")
HERE, THERE = f"weft-test-{os.getpid()}-here", f"weft-test-{os.getpid()}-there"


@pytest.fixture
def links() -> Iterator[Links]:
    for name in (HERE, THERE):
        netns.create(name)
        with netns.entered(name):
            netns.set_sysctls({f"net/ipv6/conf/{which}/accept_dad": "0" for which in ("all", "default")})
    try:
        with links_of(HERE) as near, links_of(THERE) as far:
            for number, port in enumerate(PORTS):
                near.add_veth(End(HERE, port, mac(0x10 + number), 2000), End(THERE, port, mac(0x20 + number), 2000))
                near.up(port)
                far.up(port)
            wait_until("cables pass frames", lambda: all(near.passes_frames(port) for port in PORTS))
            hops = [NextHop(port, link_local(mac(0x20 + number))) for number, port in enumerate(PORTS)]
            near.set_route(Prefix(BOTH, 32), hops)
            near.set_route(Prefix(ONE, 32), hops[1:])
            yield near
    finally:
        for name in (HERE, THERE):
            netns.delete(name)


def run(story: Callable[[Underlay], Awaitable[None]]) -> None:
    async def main() -> None:
        underlay = Underlay()
        await underlay.start()
        watch = asyncio.create_task(underlay.watch())
        try:
            await story(underlay)
        finally:
            watch.cancel()
            underlay.close()

    with netns.entered(HERE):
        asyncio.run(main())


def set_far_end(port: str, up: bool) -> None:
    with links_of(THERE) as far:
        (far.up if up else far.down)(port)


async def routes(underlay: Underlay, names: tuple[str, ...] = PORTS) -> dict[Ip, Reach]:
    interfaces = await underlay.interfaces()
    found = await underlay.reach({BOTH, ONE, NOWHERE}, [interfaces[name] for name in names if name in interfaces])
    return {route.remote: route for route in found}


async def until(
    underlay: Underlay, condition: Callable[[dict[Ip, Reach]], bool], names: tuple[str, ...] = PORTS
) -> dict[Ip, Reach]:
    """Look whenever the kernel says that something changed, until it is as wanted."""
    async with asyncio.timeout(10):
        while not condition(found := await routes(underlay, names)):
            await underlay.changed.wait()
            underlay.changed.clear()
        return found


def test_every_equal_cost_path_is_resolved_to_macs(links: Links) -> None:
    async def story(underlay: Underlay) -> None:
        found = await until(underlay, lambda found: len(found[BOTH].hops) == 2)
        assert [(path.src_mac, path.dst_mac) for path in found[BOTH].hops] == [
            (mac(0x10), mac(0x20)),
            (mac(0x11), mac(0x21)),
        ]
        assert found[BOTH].mtu == 2000
        assert len(found[ONE].hops) == 1
        assert found[NOWHERE].hops == ()

    run(story)


def test_a_link_that_goes_down_takes_its_path_away_and_back(links: Links) -> None:
    async def story(underlay: Underlay) -> None:
        await until(underlay, lambda found: len(found[BOTH].hops) == 2)
        await asyncio.to_thread(set_far_end, "e0", False)
        found = await until(underlay, lambda found: len(found[BOTH].hops) == 1)
        assert found[BOTH].hops[0].dst_mac == mac(0x21)
        await asyncio.to_thread(set_far_end, "e0", True)
        await until(underlay, lambda found: len(found[BOTH].hops) == 2)

    run(story)


def test_paths_by_other_interfaces_do_not_count(links: Links) -> None:
    async def story(underlay: Underlay) -> None:
        found = await until(underlay, lambda found: len(found[BOTH].hops) == 1, ("e1",))
        assert found[BOTH].hops[0].src_mac == mac(0x11)

    run(story)


def test_a_veth_into_another_namespace_is_known_as_such(links: Links) -> None:
    async def story(underlay: Underlay) -> None:
        interfaces = await underlay.interfaces()
        assert interfaces["e0"].peer_reachable
        assert interfaces["e0"].up
        assert not interfaces["lo"].peer_reachable

    run(story)


def test_the_receive_device_comes_once_and_goes(links: Links) -> None:
    async def story(underlay: Underlay) -> None:
        first = await underlay.open_receive_device(4789)
        again = await underlay.open_receive_device(4789)
        assert first is not None
        assert again is not None
        assert first.index == again.index
        await underlay.close_receive_device(4789)
        assert first.name not in await underlay.interfaces()

    run(story)


def test_another_device_that_owns_the_tunnel_port_is_left_alone(links: Links) -> None:
    async def story(underlay: Underlay) -> None:
        assert await underlay.open_receive_device(4789) is None
        assert (await underlay.interfaces())["vx"].up

    links._do("link", "add", ifname="vx", kind="vxlan", vxlan_id=5, vxlan_port=4789)
    links.up("vx")
    run(story)


def test_looking_by_itself_causes_no_looking(links: Links) -> None:
    """On kernels that cannot manage neighbours every refresh is an event; without a pause this would never end."""

    async def story(underlay: Underlay) -> None:
        underlay._manages = False
        await until(underlay, lambda found: len(found[BOTH].hops) == 2)
        async with asyncio.timeout(10):
            quiet = 0
            while quiet < 3:
                underlay.changed.clear()
                await routes(underlay)
                try:
                    async with asyncio.timeout(0.2):
                        await underlay.changed.wait()
                    quiet = 0
                except TimeoutError:
                    quiet += 1

    run(story)
