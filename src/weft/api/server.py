"""Routes and the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from weft.node.node import Node
from weft.node.view import NOUNS
from weft.values import Unavailable

SOCKET_MODE = 0o660
_STOP_S = 2
SLICE_ITEMS = 500
"""Items made before other work of the agent gets its turn."""


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def make_app(node: Node) -> Starlette:
    """The API of one node."""

    async def read(request: Request) -> Response:
        noun = request.path_params["noun"]
        show = NOUNS.get(noun)
        if show is None:
            return _json({"error": f"there is no {noun}; there are {', '.join(sorted(NOUNS))}"}, 404)
        items = []
        for number, item in enumerate(show(node), 1):
            items.append(msgspec.Raw(msgspec.json.encode(item)))
            if number % SLICE_ITEMS == 0:
                await asyncio.sleep(0)
        return _json({"schema": f"weft.{noun}/v1", "items": items})

    return Starlette(routes=[Route("/v1/{noun}", read, methods=["GET"])])


class _Server(uvicorn.Server):
    """The agent handles signals itself."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Replaces uvicorn's own handlers with none."""
        yield


@asynccontextmanager
async def serve(node: Node, socket: Path) -> AsyncIterator[None]:
    """Answer on `socket` (mode 0660) while the context lasts. Raises Unavailable if another agent answers there."""
    await _take_over(socket)
    config = uvicorn.Config(
        make_app(node),
        uds=str(socket),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        loop="asyncio",
    )
    config.timeout_graceful_shutdown = _STOP_S
    server = _Server(config)
    task = asyncio.create_task(server.serve(), name="api")
    while not server.started and not task.done():
        await asyncio.sleep(0.005)
    if task.done():
        raise Unavailable(f"the API cannot listen on {socket}")
    socket.chmod(SOCKET_MODE)
    try:
        yield
    finally:
        server.should_exit = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S + 1):
                await task
        socket.unlink(missing_ok=True)


async def _take_over(socket: Path) -> None:
    """Remove what a dead agent left; a living one keeps its socket."""
    if not socket.exists():
        return
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except (ConnectionRefusedError, FileNotFoundError):
        socket.unlink(missing_ok=True)
        return
    except OSError:
        raise Unavailable(f"{socket} exists and is not a socket that could be taken over: remove it first") from None
    writer.close()
    raise Unavailable(f"another agent answers on {socket}: stop it first, or choose another --socket")
