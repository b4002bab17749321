"""Finds an agent's socket: `--socket`, `-n NODE`, `-n LAB/NODE`, or the only agent there is."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import click

from weft.values import Unavailable

SOCKET = "api.sock"

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)?")


def run_dir() -> Path:
    """Where agents live, one directory each, and labs below `labs`. `WEFT_RUN` moves it."""
    return Path(os.environ.get("WEFT_RUN") or "/run/weft")


def agents() -> dict[str, Path]:
    """Name (`NODE` or `LAB/NODE`) -> socket of every agent that has one."""
    run = run_dir()
    found = {path.parent.name: path for path in sorted(run.glob(f"*/{SOCKET}"))}
    for path in sorted(run.glob(f"labs/*/*/{SOCKET}")):
        found[f"{path.parent.parent.name}/{path.parent.name}"] = path
    return found


def find_socket(socket: str | None, node: str | None) -> Path:
    """The socket to talk to. Raises Unavailable if there is none, click.UsageError if several come into question."""
    if socket:
        return Path(socket)
    there = agents()
    if node is None:
        return _only(there)
    if not _NODE.fullmatch(node):
        raise click.UsageError(f"{node!r} is not NODE or LAB/NODE.")
    if node in there:
        return there[node]
    matches = {name: path for name, path in there.items() if name.endswith(f"/{node}")}
    if not matches:
        near = difflib.get_close_matches(node, [*there, *(name.rpartition("/")[2] for name in there)], n=1)
        hint = f"did you mean {near[0]}?" if near else _listed(there)
        raise Unavailable(f"no agent named {node} in {run_dir()}; {hint}")
    if len(matches) > 1:
        raise click.UsageError(f"Several agents are named {node}: use -n with one of {', '.join(matches)}.")
    return next(iter(matches.values()))


def _only(there: dict[str, Path]) -> Path:
    if len(there) == 1:
        return next(iter(there.values()))
    if there:
        raise click.UsageError(f"Which agent? Use -n NODE; {_listed(there)}.")
    raise Unavailable(f"no agent in {run_dir()}; start one with weft agent -c FILE, or a lab with weft lab up demo")


def _listed(there: dict[str, Path]) -> str:
    return f"there are {', '.join(there)}" if there else "there is none"
