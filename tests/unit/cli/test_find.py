"""Which agent a command talks to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Start = Callable[[str], Any]


def named(start: Start, *names: str) -> None:
    """Agents that tell their own place as their name."""
    for name in names:
        start(name).items["status"] = [{"name": name, "converged": True, "problems": []}]


def asked(result: Any) -> str:
    assert result.code == 0, result.err
    return str(json.loads(result.out)["items"][0]["name"])


def test_the_only_agent_needs_no_name(start: Start, weft: Run) -> None:
    named(start, "labs/demo/leaf1")
    assert asked(weft("show", "status", "-j")) == "labs/demo/leaf1"


def test_an_agent_is_named_before_or_after_the_verb(start: Start, weft: Run) -> None:
    named(start, "a", "b")
    assert asked(weft("-n", "a", "show", "status", "-j")) == "a"
    assert asked(weft("show", "-n", "b", "status", "-j")) == "b"
    assert asked(weft("show", "status", "-n", "b", "-j")) == "b"
    assert asked(weft("-n", "a", "show", "status", "-n", "b", "-j")) == "b"


def test_a_lab_node_is_found_by_its_name_or_with_its_lab(start: Start, weft: Run) -> None:
    named(start, "labs/demo/leaf1", "labs/demo/leaf2", "labs/other/leaf2")
    assert asked(weft("show", "status", "-j", "-n", "leaf1")) == "labs/demo/leaf1"
    assert asked(weft("show", "status", "-j", "-n", "other/leaf2")) == "labs/other/leaf2"


def test_a_name_in_two_labs_is_a_question(start: Start, weft: Run) -> None:
    named(start, "labs/demo/leaf2", "labs/other/leaf2")
    result = weft("show", "status", "-n", "leaf2")
    assert (result.code, result.out) == (2, "")
    assert "Several agents are named leaf2: use -n with one of demo/leaf2, other/leaf2." in result.err


def test_a_host_agent_goes_before_a_lab_node_of_its_name(start: Start, weft: Run) -> None:
    named(start, "leaf1", "labs/demo/leaf1")
    assert asked(weft("show", "status", "-j", "-n", "leaf1")) == "leaf1"


def test_without_a_name_several_agents_are_listed(start: Start, weft: Run) -> None:
    named(start, "edge1", "labs/demo/leaf1")
    result = weft("show", "status")
    assert result.code == 2
    assert "Which agent? Use -n NODE; there are edge1, demo/leaf1." in result.err


def test_an_unknown_name_suggests_the_nearest(start: Start, weft: Run) -> None:
    named(start, "labs/demo/leaf1")
    result = weft("show", "status", "-n", "laef1")
    assert result.code == 69
    assert "no agent named laef1" in result.err
    assert "did you mean leaf1?" in result.err
    assert "there are demo/leaf1" in weft("show", "status", "-n", "zzz").err


def test_no_agent_at_all_says_how_to_get_one(weft: Run, run_dir: Path) -> None:
    result = weft("show", "status")
    assert result.code == 69
    assert result.err == (
        f"error: no agent in {run_dir}; start one with weft agent -c FILE, or a lab with weft lab up demo\n"
    )


@pytest.mark.parametrize("name", ["../x", "a/b/c", "", "/etc", "a/.."])
def test_a_name_cannot_leave_the_run_directory(name: str, start: Start, weft: Run) -> None:
    named(start, "a")
    result = weft("show", "status", "-n", name)
    assert result.code == 2
    assert "is not NODE or LAB/NODE" in result.err


def test_variables_stand_for_options(start: Start, weft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    named(start, "a", "b")
    monkeypatch.setenv("WEFT_NODE", "b")
    monkeypatch.setenv("WEFT_OUTPUT", "json")
    assert asked(weft("show", "status")) == "b"
    assert asked(weft("show", "status", "-n", "a")) == "a"
    assert asked(weft("-n", "a", "show", "status")) == "a"
    assert weft("-o", "table", "show", "status").out.startswith("NAME")


def test_the_flag_j_goes_before_a_variable(start: Start, weft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    named(start, "a")
    monkeypatch.setenv("WEFT_OUTPUT", "yaml")
    assert asked(weft("-j", "show", "status")) == "a"
    assert asked(weft("show", "status", "-j")) == "a"


def test_a_socket_in_a_variable_goes_before_names(start: Start, weft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    named(start, "a", "b")
    monkeypatch.setenv("WEFT_SOCKET", str(start("elsewhere/deep").path))
    assert asked(weft("show", "status", "-j")) == "leaf1"
