"""GET over an agent's unix socket. Light on purpose: every completed command pays for what this imports."""

from __future__ import annotations

import http
import http.client
import json
import os
import socket
from pathlib import Path

from weft.cli.exit import BadData
from weft.cli.output import Item
from weft.values import PermissionMissing, Unavailable, WeftError

TIMEOUT_S = 10.0


class _Connection(http.client.HTTPConnection):
    """An HTTP connection over a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


def get_items(path: Path, noun: str, timeout_s: float = TIMEOUT_S) -> list[Item]:
    """The items of `GET /v1/<noun>`. Raises Unavailable, PermissionMissing, BadData, or WeftError with its words."""
    status, body = _get(path, f"/v1/{noun}", timeout_s)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise BadData(f"the agent at {path} answered {noun} with something that is not JSON") from None
    if not isinstance(answer, dict):
        raise BadData(f"the agent at {path} answered {noun} without a schema")
    if status != 200:
        words = f"the agent at {path} refused {noun}: {answer.get('error', f'HTTP status {status}')}"
        raise Unavailable(words) if status == http.HTTPStatus.SERVICE_UNAVAILABLE else WeftError(words)
    items = answer.get("items")
    schema = f"weft.{noun}/v1"
    if answer.get("schema") != schema or not isinstance(items, list):
        raise BadData(f"the agent at {path} answered {noun} in schema {answer.get('schema')!r}, not {schema}")
    if not all(isinstance(item, dict) for item in items):
        raise BadData(f"the agent at {path} answered {noun} with items that are not objects")
    return items


def _get(path: Path, target: str, timeout_s: float) -> tuple[int, bytes]:
    connection = _Connection(path, timeout_s)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        body = response.read()
    except PermissionError:
        raise PermissionMissing(f"no permission for {path}: run as the agent's user, or as root") from None
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise Unavailable(f"no agent listens on {path}: is it running?") from None
    except ConnectionError:
        raise Unavailable(f"the agent at {path} hung up") from None
    except TimeoutError:
        raise Unavailable(f"the agent at {path} did not answer within {timeout_s:g} s") from None
    except http.client.HTTPException as error:
        raise BadData(f"the answer of {path} is not HTTP: {type(error).__name__}") from None
    except OSError as error:
        raise Unavailable(f"cannot talk to {path}: {error.strerror or error}") from None
    finally:
        connection.close()
    return response.status, body
