"""The kernel's view of the underlay, in a namespace of the test's own."""

from __future__ import annotations

import asyncio

import pytest
from pyroute2 import IPRoute

from weft.host import netns
from weft.host.underlay import RECEIVE_DEVICE, Underlay

pytestmark = pytest.mark.root


def test_the_receive_device_comes_and_goes_and_the_sockets_close() -> None:
    async def work() -> None:
        underlay = Underlay()
        await underlay.start()
        device = await underlay.open_receive_device(4789)
        assert device is not None
        assert device.name == RECEIVE_DEVICE.format(port=4789)
        assert await underlay.open_receive_device(4789) is not None  # what an earlier agent left is taken over
        await underlay.close_receive_device(4789)
        assert device.name not in await underlay.interfaces()
        underlay.close()

    with netns.scratch():
        asyncio.run(work())


def test_the_owner_of_the_tunnel_port_is_left_alone() -> None:
    async def work() -> None:
        underlay = Underlay()
        assert await underlay.open_receive_device(4789) is None
        assert (await underlay.interfaces())["vx"].up
        underlay.close()

    with netns.scratch():
        with IPRoute() as kernel:
            kernel.link("add", ifname="vx", kind="vxlan", vxlan_id=5, vxlan_port=4789)
            kernel.link("set", index=kernel.link_lookup(ifname="vx")[0], state="up")
        asyncio.run(work())
