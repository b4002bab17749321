"""A small agent: the API's shape over a real unix socket, and a way to run the command line against it."""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weft.cli.main import main

ITEMS: dict[str, list[dict[str, object]]] = {
    "status": [{"name": "leaf1", "dataplane": "ebpf", "uptime_s": 192, "converged": True, "problems": []}],
    "mac": [
        {
            "network": "red-web",
            "vni": 10110,
            "mac": "52:54:00:12:34:56",
            "where": "local",
            "port": "swp1",
            "vtep": None,
            "encap": None,
            "vteps": [],
            "esi": None,
            "source": "learned",
            "age_s": 3.5,
            "sequence": 0,
            "flags": [],
        },
        {
            "network": "blue",
            "vni": 10210,
            "mac": "02:00:00:00:00:0b",
            "where": "remote",
            "port": None,
            "vtep": "10.255.0.12",
            "encap": "vxlan",
            "esi": None,
            "source": "evpn",
            "vteps": [{"address": "10.255.0.12", "encap": "vxlan", "key": 10210}],
            "age_s": None,
            "sequence": 12,
            "flags": ["sticky", "router"],
        },
    ],
    "vtep": [{"address": "10.255.0.12", "encap": "vxlan", "lane": "ebpf", "vnis": [10110, 10210], "state": "up"}],
    "evpn": [
        {
            "type": 2,
            "rd": "10.255.0.12:1",
            "tag": 0,
            "esi": None,
            "mac": "02:00:00:00:00:0b",
            "ip": None,
            "prefix": None,
            "vnis": [10110],
            "nexthop": "10.255.0.12",
            "route_targets": ["65000:10110"],
            "encaps": ["vxlan"],
            "router_mac": None,
            "sequence": 1,
            "sticky": False,
            "peer": "10.255.0.1",
            "best": True,
            "imported_by": ["red-web"],
        }
    ],
    "bgp": [
        {
            "peer": "10.255.0.1",
            "remote_asn": 65000,
            "state": "established",
            "uptime_s": 90061,
            "received": 12,
            "accepted": 11,
            "sent": 4,
            "last_error": "bye\x1b[2J\nFAKE",
        }
    ],
    "port": [
        {
            "name": "swp1",
            "network": "red-web",
            "vlan": None,
            "mtu": 9166,
            "state": "up",
            "rx_packets": 10,
            "tx_packets": 5,
            "rx_octets": 1000,
            "tx_octets": 500,
            "macs": 1,
        }
    ],
    "drops": [
        {"reason": "unknown-vtep", "count": 10, "meaning": "outer source is not a VTEP of this network"},
        {"reason": "too-big", "count": 0, "meaning": "the packet does not fit"},
    ],
    "counters": [{"name": "rx_packets", "value": 15}],
}

NOUNS = tuple(ITEMS)


class Agent(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves `items`; `answer`, if set, is (status, body) for every request instead."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(str(path), _Handler)
        self.path = path
        self.items = dict(ITEMS)
        self.answer: tuple[int, bytes] | None = None
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Agent

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.answer or self._body()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> tuple[int, bytes]:
        noun = self.path.removeprefix("/v1/")
        if noun not in self.server.items:
            return 404, json.dumps({"error": f"there is no {noun}"}).encode()
        return 200, json.dumps({"schema": f"weft.{noun}/v1", "items": self.server.items[noun]}).encode()

    def log_message(self, format: str, *args: object) -> None:
        """The tests' output is not the place."""

    def address_string(self) -> str:
        return "unix"


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for agents, and no WEFT_ variables of the caller."""
    for name in [name for name in os.environ if name.startswith("WEFT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WEFT_RUN", str(tmp_path))
    return tmp_path


@pytest.fixture
def start(run_dir: Path) -> Iterator[Callable[[str], Agent]]:
    """Starts an agent below the run directory, e.g. `leaf1` or `labs/demo/leaf1`."""
    agents: list[Agent] = []

    def begin(name: str) -> Agent:
        agents.append(Agent(run_dir / name / "api.sock"))
        return agents[-1]

    yield begin
    for agent in agents:
        agent.stop()


@pytest.fixture
def agent(start: Callable[[str], Agent]) -> Agent:
    return start("leaf1")


@pytest.fixture
def weft(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process."""

    def run(*words: str) -> Result:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run
