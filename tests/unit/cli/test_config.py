"""`weft config check` and the reading of files by `weft agent`."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]

EXAMPLES = Path(__file__).parents[3] / "examples"
HOST = "version: 1\nkind: host\nname: h1\nunderlay: {interfaces: [eth0], address: 192.0.2.1}\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.weft.yaml"
    path.write_text(HOST + "vtpe: {}\n")
    return path


def test_a_fine_fabric_says_what_it_defines_and_notices_go_to_stderr(weft: Run) -> None:
    result = weft("config", "check", str(EXAMPLES / "demo.weft.yaml"))
    assert result.code == 0
    assert result.out == (
        f"{EXAMPLES}/demo.weft.yaml: fine\n"
        "  fabric demo: 2 spines, 3 leaves, 5 hosts, 2 tenants, 3 networks, 11 links\n"
    )
    assert result.err.startswith(f"notice: {EXAMPLES}/demo.weft.yaml: accepted, not built yet: l3vni (2x)")


def test_a_fine_host_says_what_it_defines(weft: Run, tmp_path: Path) -> None:
    result = weft("config", "check", str(EXAMPLES / "static.weft.yaml"))
    assert result.out.endswith("  host edge1: 1 tenant, 3 networks, 4 ports, 0 BGP neighbours\n")
    reflector = tmp_path / "rr.yaml"
    reflector.write_text(HOST + "bgp: {asn: 1, neighbors: [{peer: 192.0.2.2, remote-as: 1}]}\n")
    out = weft("config", "check", str(reflector)).out
    assert out.endswith("  route reflector h1: 0 tenants, 0 networks, 0 ports, 1 BGP neighbour\n")


def test_every_error_is_printed_with_code_78(weft: Run, bad: Path) -> None:
    result = weft("config", "check", str(bad))
    assert (result.code, result.out) == (78, "")
    assert result.err == (f"{bad}:5:1: error: vtpe: unknown key\n    5 | vtpe: {{}}\n      | ^\n  did you mean vtep?\n")


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
def test_errors_in_machine_forms_are_items(form: str, weft: Run, bad: Path) -> None:
    item = {
        "file": str(bad),
        "line": 5,
        "column": 1,
        "path": "vtpe",
        "message": "unknown key",
        "hint": "did you mean vtep?",
    }
    result = weft("config", "check", str(bad), "-o", form)
    assert (result.code, result.err) == (78, "")
    if form == "jsonl":
        assert json.loads(result.out) == item
    else:
        parsed = json.loads(result.out) if form == "json" else yaml.safe_load(result.out)
        assert parsed == {"schema": "weft.config-check/v1", "items": [item]}


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
def test_no_error_in_machine_forms_is_an_empty_list(form: str, weft: Run) -> None:
    out = weft("config", "check", str(EXAMPLES / "static.weft.yaml"), "-o", form).out
    if form == "jsonl":
        assert out == ""
    else:
        parsed = json.loads(out) if form == "json" else yaml.safe_load(out)
        assert parsed == {"schema": "weft.config-check/v1", "items": []}


@pytest.mark.parametrize("command", [["config", "check"], ["agent", "-c"]])
def test_a_file_that_is_not_there_is_code_66(command: list[str], weft: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        result = weft(*command, str(path))
        assert result.code == 66
        assert result.err.startswith(f"error: cannot read {path}: ")


def test_a_file_that_is_not_text_is_told_with_its_place(weft: Run, tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes("a: é\nb: ".encode() + b"\xff\n")
    result = weft("config", "check", str(path))
    assert result.code == 78
    assert result.err == f"{path}:2:4: error: not UTF-8 text\n  save the file as UTF-8\n"


def test_a_dash_reads_standard_input(weft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"kind: x\n")))
    result = weft("config", "check", "-")
    assert result.code == 78
    assert result.err.startswith("stdin:1:7: error: kind: no such kind of file\n")


def test_an_agent_refuses_a_bad_file_and_a_fabric(weft: Run, bad: Path) -> None:
    assert weft("agent", "-c", str(bad)).code == 78
    result = weft("agent", "-c", str(EXAMPLES / "demo.weft.yaml"))
    assert result.code == 78
    assert "kind: this is a fabric file" in result.err
    assert "weft lab takes fabric files" in result.err


@pytest.mark.root
def test_a_file_of_someone_else_is_code_77(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become someone else")
    path = tmp_path / "secret.yaml"
    path.write_text(HOST)
    path.chmod(0o600)
    child = os.fork()
    if child == 0:
        from weft.cli.main import main

        # A child, since there is no way back to root.
        os.setresuid(65534, 65534, 65534)
        os._exit(main(["config", "check", str(path)]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 77
