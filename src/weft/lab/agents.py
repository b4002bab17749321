"""The agents of a lab: one ordinary `weft agent` process per spine and leaf, in its namespace.

They are started in a session of their own and outlive the command. A process counts as a node's agent only if its
command line names that node's file, whatever a pid file says.
"""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from weft.host import netns
from weft.lab import hostfile, state
from weft.lab.plan import LabPlan, NodePlan
from weft.values import Unavailable

_POLL_S = 0.1
_ANSWER_S = 2.0
_TERM_S = 5.0
_KILL_S = 5.0
_LOG_LINES = 15


def processes(lab: str) -> dict[str, list[int]]:
    """node -> pids of its agent, the one that was started first; helper processes of the agent follow."""
    found: dict[str, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            words = os.fsdecode((entry / "cmdline").read_bytes()).split("\0")
            for word, following in pairwise(words):
                path = Path(following)
                if word == "-c" and "agent" in words and path == state.node_file(lab, path.parent.name):
                    found.setdefault(path.parent.name, []).append(int(entry.name))
    return {node: sorted(pids) for node, pids in found.items()}


def ensure(lab: LabPlan, touched: set[str]) -> list[str]:
    """Run every agent with its planned file; those that run it already, in an untouched namespace, are left alone.

    Returns the names of the nodes whose agents were started.
    """
    running = processes(lab.name)
    wanted = [node for node in lab.nodes if node.host_file is not None]
    stale = [node for node in wanted if node.name in touched or not _is_current(lab.name, node, running)]
    stop(pid for node in stale for pid in running.get(node.name, []))
    for node in stale:
        # With the process go its pins: what they forward may be of another plan.
        state.remove_node_dir(lab.name, node.name)
        _start(lab.name, node)
    return [node.name for node in stale]


def stop(pids: Iterable[int], term_s: float = _TERM_S) -> None:
    """End these processes: SIGTERM, and SIGKILL for those that are still there after `term_s`."""
    handles = []
    for pid in pids:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(pid))
    try:
        _signal(handles, signal.SIGTERM)
        left = _wait_gone(handles, term_s)
        _signal(left, signal.SIGKILL)
        _wait_gone(left, _KILL_S)
    finally:
        for handle in handles:
            os.close(handle)


def wait_converged(lab: LabPlan, deadline_s: float) -> dict[str, list[str]]:
    """Wait until every agent says that it is converged. Returns node -> problems of those that do not."""
    end = time.monotonic() + deadline_s
    pending = {node.name: ["the agent does not answer"] for node in lab.nodes if node.host_file is not None}
    seen_before = set(pending)
    while True:
        # A process has no command line for an instant after its exec: one look without it proves nothing.
        alive = set(processes(lab.name))
        seen_before, alive = alive, alive | seen_before
        for name in list(pending):
            status = read_status(lab.name, name)
            if status is not None and status.get("converged"):
                del pending[name]
            elif status is not None:
                pending[name] = [str(problem) for problem in status.get("problems", [])]
            elif name not in alive:
                pending[name] = ["the agent has ended"]
        if not pending or time.monotonic() >= end or any(name not in alive for name in pending):
            return pending
        time.sleep(_POLL_S)


def read_status(lab: str, node: str) -> dict[str, Any] | None:
    """The item of `GET /v1/status`; None if the agent does not answer."""
    connection = _UnixConnection(str(state.node_socket(lab, node)))
    try:
        connection.request("GET", "/v1/status")
        items = msgspec.json.decode(connection.getresponse().read(), type=dict[str, Any])["items"]
        return dict(items[0])
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, LookupError, TypeError, ValueError):
        return None
    finally:
        connection.close()


def log_tail(lab: str, node: str) -> list[str]:
    """The last lines that the agent wrote."""
    try:
        text = (state.node_dir(lab, node) / "log").read_text(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-_LOG_LINES:]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_ANSWER_S)
        self.sock.connect(self._path)


def _is_current(lab: str, node: NodePlan, running: dict[str, list[int]]) -> bool:
    try:
        text = state.node_file(lab, node.name).read_text()
    except OSError:
        return False
    return node.name in running and text == _text(node)


def _text(node: NodePlan) -> str:
    return hostfile.to_yaml(node.host_file or {})


def _start(lab: str, node: NodePlan) -> None:
    directory = state.node_dir(lab, node.name)
    directory.mkdir(parents=True)
    file = state.node_file(lab, node.name)
    file.write_text(_text(node))
    command = [sys.executable, "-m", "weft.cli.main", "agent", "-c", str(file)]
    command += ["--socket", str(state.node_socket(lab, node.name)), "--state-dir", str(directory)]
    log = (os.POSIX_SPAWN_OPEN, 1, str(directory / "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)]
    # Enter, then start: `ip netns exec` would hide the bpffs that the agent pins on.
    with netns.entered(node.namespace):
        try:
            pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=files, setsid=True)
        except OSError as error:
            raise Unavailable(f"cannot start the agent of {node.name}: {error.strerror}") from None
    (directory / "pid").write_text(f"{pid}\n")


def _signal(handles: list[int], number: signal.Signals) -> None:
    for handle in handles:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)


def _wait_gone(handles: list[int], deadline_s: float) -> list[int]:
    """Wait for processes to end. Returns the handles of those that did not."""
    end = time.monotonic() + deadline_s
    poll = select.poll()
    for handle in handles:
        # A pidfd is readable once its process has ended (pidfd_open(2)).
        poll.register(handle, select.POLLIN)
    left = set(handles)
    while left and (remaining_s := end - time.monotonic()) > 0:
        for handle, _ in poll.poll(remaining_s * 1000):
            poll.unregister(handle)
            left.discard(handle)
    return sorted(left)
