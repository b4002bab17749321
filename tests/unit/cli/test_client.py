"""What goes wrong between a command and its agent: one text, the right exit code, nothing on stdout."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (404, {"error": "there is no mac"}, 1, "refused mac: there is no mac"),
        (500, {"error": "boom\x1b[2J"}, 1, "refused mac: boom\\x1b[2J"),
        (500, {}, 1, "refused mac: HTTP status 500"),
        (503, {"error": "starting"}, 69, "refused mac: starting"),
        (200, [], 65, "without a schema"),
        (200, {"schema": "weft.arp/v1", "items": []}, 65, "in schema 'weft.arp/v1', not weft.mac/v1"),
        (200, {"schema": "weft.mac/v1", "items": {}}, 65, "in schema"),
        (200, {"schema": "weft.mac/v1", "items": [1]}, 65, "items that are not objects"),
    ],
)
def test_an_answer_that_is_not_right_is_told(
    status: int, body: object, code: int, words: str, agent: Any, weft: Run
) -> None:
    agent.answer = status, json.dumps(body).encode()
    result = weft("show", "mac", "-j")
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000, b"NaNN"])
def test_an_answer_that_is_not_json_is_bad_data(body: bytes, agent: Any, weft: Run) -> None:
    agent.answer = 200, body
    result = weft("show", "mac")
    assert result.code == 65
    assert "not JSON" in result.err


def serve_once(path: Path, answer: bytes | None) -> threading.Thread:
    """A listener that sends `answer` to its first caller and hangs up."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        if answer:
            connection.sendall(answer)
        connection.close()
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (None, 69, "hung up"),
        (b"SSH-2.0-x\r\n", 65, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", 65, "not HTTP: IncompleteRead"),
    ],
)
def test_a_listener_that_is_no_agent_is_told(
    answer: bytes | None, code: int, words: str, tmp_path: Path, weft: Run
) -> None:
    thread = serve_once(tmp_path / "x.sock", answer)
    result = weft("show", "mac", "--socket", str(tmp_path / "x.sock"))
    thread.join()
    assert result.code == code
    assert words in result.err


def test_a_socket_without_an_agent_is_unavailable(tmp_path: Path, weft: Run) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "stale.sock"))
    stale.close()
    for path in ("missing.sock", "stale.sock"):
        result = weft("--socket", str(tmp_path / path), "show", "mac")
        assert result.code == 69
        assert result.err == f"error: no agent listens on {tmp_path / path}: is it running?\n"


@pytest.mark.root
def test_a_socket_of_someone_else_needs_permission(agent: Any, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become someone else")
    agent.path.chmod(0o600)
    child = os.fork()
    if child == 0:
        # A child, since there is no way back to root.
        os.setresuid(65534, 65534, 65534)
        probe = socket.socket(socket.AF_UNIX)
        os._exit(_code_without_permission(agent.path, probe))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 77


def _code_without_permission(path: Path, probe: socket.socket) -> int:
    from weft.cli.main import main

    probe.close()
    return main(["--socket", str(path), "show", "mac"])
