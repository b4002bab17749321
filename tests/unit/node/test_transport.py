"""BGP over real TCP on loopback: sessions come up, routes cross, the end is orderly.

127.0.0.1 (reflector) ◄──── 127.0.0.2 (client)
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from support.configs import evpn_host
from weft.config.tree import Bgp
from weft.control.bgp import Speaker, State
from weft.control.evpn.originate import imet_route
from weft.node.transport import BgpTransport
from weft.values import Ip, Rd, Unavailable

A, B = Ip.parse("127.0.0.1"), Ip.parse("127.0.0.2")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def speaker_config(own: Ip, other: Ip, port: int, passive: bool) -> Bgp:
    from weft.config import load_host

    return load_host(
        f"""
version: 1
kind: host
name: test
bgp:
  asn: 65000
  router-id: {own}
  port: {port}
  neighbors:
    - {{peer: {other}, remote-as: internal, local-address: {own}, port: {port}, passive: {str(passive).lower()},
       connect-retry: 1, route-reflector-client: true}}
underlay: {{interfaces: [lo], address: {own}}}
""",
        "test.weft.yaml",
    ).config.bgp  # type: ignore[return-value]


class End:
    """A speaker with its transport."""

    def __init__(self, config: Bgp) -> None:
        self.speaker = Speaker(config, random.Random(1).random)
        self.changes: list[object] = []
        self.transport = BgpTransport(config, self.speaker, time.monotonic, self._take)

    def _take(self) -> None:
        self.changes += self.speaker.take_changes()

    @property
    def state(self) -> State:
        return self.speaker.peers(time.monotonic())[0].state


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[End, End]]:
    port = free_port()
    ends = End(speaker_config(A, B, port, passive=True)), End(speaker_config(B, A, port, passive=False))
    for end in ends:
        await end.transport.start()
    try:
        yield ends
    finally:
        for end in ends:
            await end.transport.stop()


async def until(what: str, condition: Callable[[], object], deadline_s: float = 10.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        await asyncio.sleep(0.01)


def test_a_session_comes_up_and_a_route_crosses() -> None:
    async def story() -> None:
        async with pair() as (left, right):
            await until("both are established", lambda: left.state is right.state is State.ESTABLISHED)
            (network, _) = evpn_host().networks
            route = imet_route(network, Rd.of(B, 1), Ip.parse("192.0.2.2"))
            right.transport.tell(lambda speaker, now: speaker.originate([route], [], now))
            await until("the route arrives", lambda: any(c.key == route[0].key for c in left.changes))  # type: ignore[attr-defined]

    asyncio.run(story())


def test_when_one_end_stops_the_other_knows_why_and_loses_its_routes() -> None:
    async def story() -> None:
        async with pair() as (left, right):
            await until("both are established", lambda: left.state is right.state is State.ESTABLISHED)
            await right.transport.stop()
            await until("the session is down", lambda: left.state is not State.ESTABLISHED)
            assert "shutdown" in left.speaker.peers(time.monotonic())[0].last_error.lower()

    asyncio.run(story())


def test_a_taken_port_is_said_plainly() -> None:
    async def story() -> None:
        port = free_port()
        first, second = (End(speaker_config(A, B, port, passive=True)) for _ in range(2))
        await first.transport.start()
        with pytest.raises(Unavailable, match=rf"127\.0\.0\.1 port {port}"):
            await second.transport.start()
        await first.transport.stop()

    asyncio.run(story())


def test_a_stranger_is_refused_and_a_babbler_loses_only_his_own_session() -> None:
    async def story() -> None:
        async with pair() as (left, right):
            await until("both are established", lambda: left.state is right.state is State.ESTABLISHED)
            port = left.transport._config.port
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.9", 0))
            writer.write(b"GET / HTTP/1.0\r\n\r\n" * 100)
            assert await reader.read() == b""
            writer.close()
            assert left.state is State.ESTABLISHED
            assert left.speaker.counters()["connection-refused"] == 1

    asyncio.run(story())


def test_a_peer_that_does_not_listen_is_said_plainly() -> None:
    async def story() -> None:
        alone = End(speaker_config(B, A, free_port(), passive=False))
        await alone.transport.start()
        await until("the dial has failed", lambda: alone.speaker.peers(time.monotonic())[0].last_error)
        assert alone.speaker.peers(time.monotonic())[0].last_error == "Connection refused"
        await alone.transport.stop()

    asyncio.run(story())
