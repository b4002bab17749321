"""The root command: help, suggestions, exit codes, and what a call costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import weft as package
from weft.cli import exit as codes
from weft.cli.main import main, report
from weft.cli.main import weft as root
from weft.config import ConfigError
from weft.values import CapabilityMissing, InvalidValue, Malformed, PermissionMissing, Unavailable, WeftError

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError([]), 78),
        (CapabilityMissing("x"), 78),
        (PermissionMissing("x"), 77),
        (Unavailable("x"), 69),
        (codes.NoInput("x"), 66),
        (codes.BadData("x"), 65),
        (Malformed("x"), 65),
        (InvalidValue("x"), 65),
        (WeftError("x"), 1),
        (KeyError("x"), 70),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert codes.code_of(error) == code


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["shwo", "mac"], "did you mean show?"),
        (["show", "mak"], "did you mean mac?"),
        (["config", "chekc", "f"], "did you mean check?"),
        (["zzz"], "there are show, lab, config, "),
        (["show", "mac", "--netwrk", "x"], "--network"),
        (["-o", "xml", "version"], "is not one of 'table', 'json', 'jsonl', 'yaml'"),
        (["agent"], "Missing option '-c'"),
    ],
)
def test_a_usage_error_is_code_2_with_the_nearest_word(words: list[str], hint: str, weft: Run) -> None:
    result = weft(*words)
    assert (result.code, result.out) == (2, "")
    assert hint in result.err


def commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command below the root but the labs', which have tests of their own."""
    found = [path]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if name != "lab":
                below = command.get_command(context, name)
                assert below is not None
                found += commands(below, (*path, name))
    return found


@pytest.mark.parametrize("path", commands(root), ids=" ".join)
def test_every_help_text_ends_with_two_examples(path: tuple[str, ...], weft: Run) -> None:
    for flag in ("-h", "--help"):
        result = weft(*path, flag)
        assert result.code == 0
        *_, title, first, second = result.out.rstrip("\n").splitlines()
        assert title.strip() == "Examples:"
        assert first.startswith("    weft ")
        assert second.startswith("    weft ")


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "table"])
def test_version_in_every_form(form: str, weft: Run) -> None:
    out = weft("version", "-o", form).out
    assert package.__version__ in out
    if form in ("json", "yaml"):
        parsed = json.loads(out) if form == "json" else yaml.safe_load(out)
        assert parsed["schema"] == "weft.version/v1"
        assert parsed["items"][0]["weft"] == package.__version__


def test_an_unplanned_error_is_one_line_and_code_70(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report(KeyError("a\nb")) == 70
    line = capsys.readouterr().err
    assert line.startswith("error: internal: KeyError: ")
    assert line.count("\n") == 1
    monkeypatch.setenv("WEFT_DEBUG", "1")
    assert report(KeyError("a")) == 70
    assert "KeyError: 'a'\n" in capsys.readouterr().err


def start(*words: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "weft.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )


def test_a_reader_that_leaves_early_is_met_with_silence(agent: Any) -> None:
    agent.items["counters"] = [{"name": f"counter-{n}", "value": n} for n in range(50_000)]
    # Unbuffered, Python drops what a short write leaves over, without an error.
    process = start("--socket", str(agent.path), "show", "counters", env={"PYTHONUNBUFFERED": ""})
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == codes.FAILED


def test_nothing_is_coloured(agent: Any) -> None:
    for env in ({"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}):
        process = start("--socket", str(agent.path), "show", "mac", env=env)
        out, err = process.communicate(timeout=30)
        assert b"\x1b" not in out + err


def test_a_reading_command_imports_little(agent: Any) -> None:
    """Start time, as a number that does not depend on the machine: modules, and none of the heavy ones."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from weft.cli.main import main\n"
        "status = main(sys.argv[1:])\n"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--socket", str(agent.path), "show", "mac"],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stderr.split())
    heavy = {"pydantic", "yaml", "rich", "httpx", "starlette", "uvicorn", "pyroute2", "asyncio", "numpy", "logging"}
    assert "red-web" in done.stdout
    assert modules & heavy == set()
    assert len(modules) < 220


def test_main_takes_its_words_from_the_command_line_by_default(tmp_path: Path) -> None:
    process = start("version")
    out, _ = process.communicate(timeout=30)
    assert package.__version__ in out.decode()
    assert main(["version"]) == 0
