"""The demo as a user runs it: the command itself, its output, a crash of everything, and nothing left behind.

red-a  blue-a     red-b      red-c  blue-b
  └─leaf1─┘         │          └─leaf3─┘
      └──── leaf2 ──┘    all leaves on both spines
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from support.wait import wait_until
from weft.host import netns
from weft.host.links import links_of
from weft.lab import agents

pytestmark = pytest.mark.root
NAME = f"d{os.getpid()}"


@pytest.fixture
def fabric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The demo's own file under another name, so that a demo running on this machine is left alone."""
    monkeypatch.setenv("WEFT_RUN", str(tmp_path / "run"))
    file = tmp_path / "demo.weft.yaml"
    demo = (files("weft.lab") / "demo.weft.yaml").read_text()
    file.write_text(demo.replace("name: demo", f"name: {NAME}"))
    yield file
    weft("lab", "down", NAME)


def weft(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "weft.cli.main", *words], capture_output=True, text=True, check=False)


def namespaces() -> list[str]:
    return [name for name in netns.names() if name.startswith(f"weft-{NAME}-")]


def test_up_test_and_down(fabric: Path) -> None:
    up = weft("lab", "up", str(fabric))
    assert up.returncode == 0, up.stdout + up.stderr
    assert [line.split()[0] for line in up.stdout.splitlines()] == ["plan", "links", "underlay", "overlay", "next:"]
    assert "accepted, not built yet" in up.stderr

    proof = weft("lab", "test", NAME, "-o", "json")
    assert proof.returncode == 0, proof.stdout
    items = json.loads(proof.stdout)["items"]
    reached = {(item["source"], item["destination"], item["family"]) for item in items if item["expected"] == "reach"}
    assert reached == {
        (source, destination, family)
        for pair in (("red-a", "red-b"), ("blue-a", "blue-b"))
        for source, destination in (pair, pair[::-1])
        for family in ("ipv4", "ipv6", "broadcast")
    }
    assert all(item["ok"] for item in items)
    assert len({(item["source"], item["destination"]) for item in items}) == 20

    for noun in ("status", "mac", "vtep", "evpn", "bgp", "port", "drops", "counters"):
        shown = weft("show", noun, "-n", f"{NAME}/leaf1", "-o", "json")
        assert json.loads(shown.stdout)["schema"] == f"weft.{noun}/v1"
        assert json.loads(shown.stdout)["items"]

    assert weft("lab", "down", NAME).returncode == 0
    assert namespaces() == []
    assert agents.processes(NAME) == {}
    assert NAME not in Path("/proc/self/mountinfo").read_text()


def test_everything_is_killed_and_woven_again(fabric: Path) -> None:
    """`lab up` dies half way, then every agent dies: the next `lab up` repairs it all."""
    command = [sys.executable, "-m", "weft.cli.main", "lab", "up", str(fabric)]
    dying = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until("some namespaces are there", lambda: len(namespaces()) >= 3)
    dying.kill()
    dying.wait()
    assert weft("lab", "up", str(fabric)).returncode == 0

    for pids in agents.processes(NAME).values():
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    again = weft("lab", "up", str(fabric))
    assert again.returncode == 0, again.stdout + again.stderr
    assert weft("lab", "test", NAME).returncode == 0


def test_a_lost_link_leaves_the_other_path(fabric: Path) -> None:
    """leaf1 loses spine1: its frames take spine2, and `show vtep` counts one path less."""
    assert weft("lab", "up", str(fabric)).returncode == 0

    def paths() -> set[int]:
        items = json.loads(weft("show", "vtep", "-n", f"{NAME}/leaf1", "-j").stdout)["items"]
        return {item["paths"] for item in items}

    assert paths() == {2}
    with links_of(f"weft-{NAME}-leaf1") as links:
        links.down("spine1")
    wait_until("one path is left", lambda: paths() == {1})
