"""`weft lab` as typed: what it prints, and its exit codes. Built labs have no agents here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from weft.cli.main import main
from weft.config.tree import FabricConfig
from weft.lab.plan import LabPlan

Lab = Callable[[str], LabPlan]
FABRIC = """
nodes:
  leaf: {group: leaf}
  a: {group: host, address: [10.0.0.1/24]}
  b: {group: host, address: [10.0.0.2/24]}
links:
  - {endpoints: ["a:eth0", "leaf:pa"], network: red}
  - {endpoints: ["b:eth0", "leaf:pb"], network: blue}
tenants: {t: {networks: {red: {vni: 100}, blue: {vni: 200}}}}
"""
# One network, but nothing joins its ports: no pair can reach.
BROKEN = FABRIC.replace("network: blue", "network: red")


@pytest.fixture
def lab(
    fabric: Callable[..., FabricConfig], built: Callable[[FabricConfig], tuple[LabPlan, set[str]]]
) -> Callable[..., LabPlan]:
    return lambda text, suffix="": built(fabric(text, suffix))[0]


@pytest.mark.root
def test_ls_lists_every_node_in_each_format(lab: Callable[..., LabPlan], capsys: pytest.CaptureFixture[str]) -> None:
    name = lab(FABRIC).name
    assert main(["lab", "ls", "-j"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "weft.lab/v1"
    assert [(item["lab"], item["node"], item["state"]) for item in document["items"]] == [
        (name, "leaf", "stopped"),
        (name, "a", "up"),
        (name, "b", "up"),
    ]
    assert main(["lab", "ls", name]) == 0
    assert capsys.readouterr().out.startswith("LAB ")


@pytest.mark.root
def test_test_exits_0_if_all_is_as_expected_and_sums_up(
    lab: Callable[..., LabPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    name = lab(FABRIC).name
    assert main(["lab", "test", name]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "check     2/2 ordered host pairs as expected (0 reach, 2 isolated)"


@pytest.mark.root
def test_test_exits_1_and_names_each_pair_that_differs(
    lab: Callable[..., LabPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    lab(BROKEN)
    assert main(["lab", "test", "-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "weft.lab-test/v1"
    first = document["items"][0]
    assert first == {
        "source": "a",
        "destination": "b",
        "family": "ipv4",
        "expected": "reach",
        "got": "isolated",
        "ok": False,
        "reached": [],
        "rtt_ms": None,
    }


@pytest.mark.root
def test_ping_exits_1_without_an_answer(lab: Callable[..., LabPlan], capsys: pytest.CaptureFixture[str]) -> None:
    lab(FABRIC)
    assert main(["lab", "ping", "a", "b", "-c", "1", "-4", "-o", "jsonl"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "no answer"


@pytest.mark.root
def test_exec_runs_in_the_nodes_namespace_with_the_commands_exit_code(lab: Callable[..., LabPlan]) -> None:
    name = lab(FABRIC).name
    code = "import socket, sys; print(sorted(name for _, name in socket.if_nameindex())); sys.exit(7)"
    for node in ("leaf", f"{name}/leaf"):
        command = [sys.executable, "-m", "weft.cli.main", "lab", "exec", node, "--", sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (7, "['lo', 'pa', 'pb']\n")


@pytest.mark.root
def test_a_node_of_two_labs_must_be_named_with_its_lab(
    lab: Callable[..., LabPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = lab(FABRIC).name, lab(FABRIC, "b").name
    assert main(["lab", "ping", "a", "b"]) == 2
    assert f"{first}/a, {second}/a" in capsys.readouterr().err


@pytest.mark.root
def test_down_removes_the_named_lab_and_all_removes_the_rest(
    lab: Callable[..., LabPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = lab(FABRIC).name, lab(FABRIC, "b").name
    assert main(["lab", "down", first]) == 0
    assert main(["lab", "down", first]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"lab {first} is gone\n"
    assert f"there is no lab {first}" in captured.err
    assert main(["lab", "down", "--all"]) == 0
    assert capsys.readouterr().out == f"lab {second} is gone\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["down"], 2),
        (["down", "x", "--all"], 2),
        (["exec", "leaf1"], 2),
        (["exec", "leaf1", "--"], 2),
        (["up", "no-such-file"], 66),
        (["test"], 69),
        (["test", "no-such-lab"], 69),
        (["ls", "no-such-lab"], 69),
        (["exec", "no-such-node", "true"], 69),
        (["ls"], 0),
    ],
)
def test_exit_codes_without_a_lab(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", *words]) == code
    assert bool(capsys.readouterr().err) == (code != 0)
