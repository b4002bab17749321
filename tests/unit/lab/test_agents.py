"""Agents are found by their command line, asked over their socket, and ended."""

from __future__ import annotations

import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from weft.lab import agents, state

# Stands for any program: says that it runs, then waits; "deaf" ignores SIGTERM.
PROGRAM = """
import signal, sys
if "deaf" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("running", flush=True)
while True: signal.pause()
"""


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WEFT_RUN", str(tmp_path))
    return tmp_path


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(started: list[subprocess.Popen[str]], *words: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, text=True)
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    return process


def test_an_agent_is_found_by_its_nodes_file(started: list[subprocess.Popen[str]]) -> None:
    process = start(started, "agent", "-c", str(state.node_file("demo", "leaf1")))
    assert agents.processes("demo") == {"leaf1": [process.pid]}
    assert agents.processes("dem") == {}


def test_other_programs_with_the_file_are_not_agents(started: list[subprocess.Popen[str]]) -> None:
    file = state.node_file("demo", "leaf1")
    start(started, "edit", str(file))
    start(started, "agent", "-c", str(file.with_name("other.weft.yaml")))
    assert agents.processes("demo") == {}


def test_stop_ends_the_processes_and_takes_those_that_are_gone(started: list[subprocess.Popen[str]]) -> None:
    one, other = start(started), start(started)
    one.kill()
    one.wait()
    agents.stop([one.pid, other.pid])
    assert other.wait(timeout=1) == -15


def test_stop_kills_what_ignores_it(started: list[subprocess.Popen[str]]) -> None:
    process = start(started, "deaf")
    agents.stop([process.pid], term_s=0.2)
    assert process.wait(timeout=1) == -9


class Server(socketserver.UnixStreamServer):
    body = b""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.send_response(200 if self.path == "/v1/status" else 404)
        self.end_headers()
        self.wfile.write(self.server.body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An HTTP server on the socket of node leaf1 of lab demo."""
    path = state.node_socket("demo", "leaf1")
    path.parent.mkdir(parents=True)
    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_status_of_an_agent_is_its_item(server: Server) -> None:
    server.body = b'{"schema":"weft.status/v1","items":[{"name":"leaf1","converged":false,"problems":["no peer"]}]}'
    assert agents.read_status("demo", "leaf1") == {"name": "leaf1", "converged": False, "problems": ["no peer"]}


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"items": []}', b'{"items": [7]}', b'{"items": 7}'])
def test_an_answer_that_is_not_a_status_counts_as_none(server: Server, body: bytes) -> None:
    server.body = body
    assert agents.read_status("demo", "leaf1") is None


def test_an_agent_that_does_not_listen_has_no_status() -> None:
    assert agents.read_status("demo", "leaf1") is None


def test_the_tail_of_a_log_is_its_last_lines() -> None:
    assert agents.log_tail("demo", "leaf1") == []
    directory = state.node_dir("demo", "leaf1")
    directory.mkdir(parents=True)
    (directory / "log").write_bytes(b"\xff\n" * 50 + b"last\n")
    tail = agents.log_tail("demo", "leaf1")
    assert len(tail) == 15
    assert tail[-1] == "last"
