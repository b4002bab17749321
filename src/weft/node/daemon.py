"""The agent's process: state directory, data plane, signals, API, orderly stop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from weft.config.tree import HostConfig
from weft.dataplane.base import DataPlane
from weft.dataplane.ebpf.plane import EbpfDataPlane
from weft.dataplane.fake import FakeDataPlane
from weft.host import bpf, bpffs
from weft.node.node import Node
from weft.values import Unavailable, WeftError

log = logging.getLogger("weft")

Serve = Callable[[Node, Path], AbstractAsyncContextManager[None]]
"""Answers the API on a unix socket as long as the context lasts."""


def make_plane(config: HostConfig, state_dir: Path) -> DataPlane | None:
    """The data plane that the configuration asks for; None without a VTEP. Raises Unavailable, PermissionMissing."""
    if config.vtep is None:
        return None
    if config.vtep.dataplane == "fake":
        return FakeDataPlane(time.monotonic)
    bpf.check_permission()
    bpffs.ensure_mounted(state_dir / "bpf")
    return EbpfDataPlane(state_dir / "bpf")


def run(config: HostConfig, *, socket: Path, state_dir: Path, serve: Serve) -> int:
    """Run an agent until SIGTERM or SIGINT; returns the exit code. Raises WeftError before it has begun."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    with alone(state_dir):
        plane = make_plane(config, state_dir)
        return asyncio.run(_run(config, plane, socket, serve))


@contextlib.contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Hold the state directory: a second agent would take over the first one's data path. Raises Unavailable."""
    with open(state_dir / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(
                f"another agent runs in {state_dir}: stop it first, or choose another --state-dir"
            ) from None
        yield


async def _run(config: HostConfig, plane: DataPlane | None, socket: Path, serve: Serve) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    node = Node(config, plane, time.monotonic, random.random)
    async with serve(node, socket):
        work = asyncio.create_task(node.run(), name="node")
        stopping = asyncio.create_task(stop.wait(), name="signals")
        log.info("agent %s is running, pid %d, API at %s", config.name, os.getpid(), socket)
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        failed = work.exception() if work.done() else None
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await work
        await node.stop(config.agent.keep_on_exit)
    if failed is not None:
        raise _only(failed)
    log.info("agent %s has stopped", config.name)
    return 0


def _only(error: BaseException) -> BaseException:
    """The planned error inside a task group's, if that is all there is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, WeftError):
        log.error("%s", error)
    return error
