"""TCP for the BGP speaker: carries out its commands and tells it what happens."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from weft.config.tree import Bgp
from weft.control.bgp import Close, Command, Dial, Send, Speaker
from weft.values import Ip, Unavailable

_DIAL_TIMEOUT_S = 5.0
_LINGER_S = 1.0
_HIGH_WATER_OCTETS = 1 << 20


class _Connection(asyncio.Protocol):
    """One TCP connection; all it does is pass events on."""

    def __init__(self, owner: BgpTransport, peer: Ip | None) -> None:
        self._owner = owner
        self._dialed = peer
        self.number = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            return
        self.transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER_OCTETS)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = self._dialed or Ip.parse(transport.get_extra_info("peername")[0].partition("%")[0])
        local = Ip.parse(transport.get_extra_info("sockname")[0].partition("%")[0])
        self._owner.opened(self, peer, local, outgoing=self._dialed is not None)

    def data_received(self, data: bytes) -> None:
        self._owner.tell(lambda speaker, now: speaker.received(self.number, data, now))

    def pause_writing(self) -> None:
        self._owner.tell(lambda speaker, now: speaker.blocked(self.number, now))

    def resume_writing(self) -> None:
        self._owner.tell(lambda speaker, now: speaker.writable(self.number, now))

    def connection_lost(self, error: Exception | None) -> None:
        self._owner.lost(self, str(error) if error else "closed by the peer")


class BgpTransport:
    """Drives one speaker. `on_change` is called after every call that may have changed best routes."""

    def __init__(
        self, config: Bgp, speaker: Speaker, clock: Callable[[], float], on_change: Callable[[], None]
    ) -> None:
        self._config = config
        self._speaker = speaker
        self._clock = clock
        self._on_change = on_change
        self._connections: dict[int, _Connection] = {}
        self._next_number = 1
        self._dials: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen, then start every session. Raises Unavailable if the port is taken."""
        if self._config.listen:
            loop = asyncio.get_running_loop()
            for address in sorted({str(n.local_address or "") for n in self._config.neighbors}) or [""]:
                try:
                    server = await loop.create_server(
                        lambda: _Connection(self, None), address or None, self._config.port, reuse_address=True
                    )
                except OSError as error:
                    where = f"{address or '*'} port {self._config.port}"
                    raise Unavailable(f"BGP cannot listen on {where}: {error.strerror}") from None
                self._servers.append(server)
        self.tell(lambda speaker, now: speaker.start(now))

    def tell(self, call: Callable[[Speaker, float], list[Command]]) -> None:
        """Call the speaker, do what it asks, and set its timer anew."""
        for command in call(self._speaker, self._clock()):
            self._carry_out(command)
        self._on_change()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._speaker.next_timer()
        if due is not None:
            delay = max(0.0, due - self._clock())
            self._timer = asyncio.get_running_loop().call_later(
                delay, self.tell, lambda speaker, now: speaker.tick(now)
            )

    def _carry_out(self, command: Command) -> None:
        match command:
            case Dial():
                task = asyncio.get_running_loop().create_task(self._dial(command), name=f"dial {command.peer}")
                self._dials.add(task)
                task.add_done_callback(self._dials.discard)
            case Send(number, data):
                connection = self._connections.get(number)
                if connection is not None and connection.transport is not None:
                    connection.transport.write(data)
            case Close(number):
                connection = self._connections.pop(number, None)
                if connection is not None and connection.transport is not None:
                    connection.transport.close()
                    asyncio.get_running_loop().call_later(_LINGER_S, connection.transport.abort)

    async def _dial(self, dial: Dial) -> None:
        local = (str(dial.local_address), 0) if dial.local_address else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_DIAL_TIMEOUT_S):
                await loop.create_connection(
                    lambda: _Connection(self, dial.peer), str(dial.peer), dial.port, local_addr=local
                )
        except OSError as error:  # TimeoutError is one
            # asyncio's own text names the address again; the errno's is the plain one.
            reason = os.strerror(error.errno) if error.errno else "no answer"
            self.tell(lambda speaker, now: speaker.dial_failed(dial.peer, reason, now))

    def opened(self, connection: _Connection, peer: Ip, local: Ip, outgoing: bool) -> None:
        connection.number = self._next_number
        self._next_number += 1
        self._connections[connection.number] = connection
        self.tell(lambda speaker, now: speaker.connected(peer, connection.number, now, outgoing, local))

    def lost(self, connection: _Connection, reason: str) -> None:
        if self._connections.pop(connection.number, None) is not None:
            self.tell(lambda speaker, now: speaker.closed(connection.number, reason, now))

    async def stop(self) -> None:
        """Cease to every peer, and a moment for it to leave."""
        for task in list(self._dials):
            task.cancel()
        for server in self._servers:
            server.close()
        open_before = [c.transport for c in self._connections.values() if c.transport is not None]
        self.tell(lambda speaker, now: speaker.shutdown(now))
        if self._timer is not None:
            self._timer.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while any(transport.get_write_buffer_size() for transport in open_before):
                    await asyncio.sleep(0.01)
