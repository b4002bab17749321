"""Regenerates requirements/*.lock from what pyproject.toml declares: the newest releases that fit, as exact pins.

Each lock constrains the ones after it, runtime first: tests run against what users get. Run it with the oldest
Python the project supports (.venv/bin/python tools/lock.py), then run the tests and look at the difference.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"


def declared() -> dict[str, list[str]]:
    """The requirements of every lock, by its name; runtime first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    return {
        "runtime": project["project"]["dependencies"],
        "build": [*project["build-system"]["requires"], *groups["build"]],
        "compiler": groups["compiler"],
        "dev": groups["dev"],
    }


def resolve(requirements: list[str], constraints: list[str]) -> list[str]:
    """What pip would install into an empty environment, as sorted `name==version` lines."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(constraints))
        file.flush()
        command = ["python3", "-m", "pip", "--python", sys.executable, "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--report", "-", "--constraint", file.name, *requirements]
        report: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    found = sorted((item["metadata"] for item in report["install"]), key=lambda item: str(item["name"]).casefold())
    return [f"{item['name']}=={item['version']}" for item in found]


def main() -> None:
    LOCKS.mkdir(exist_ok=True)
    resolved: list[str] = []
    for name, requirements in declared().items():
        pins = resolve(requirements, resolved)
        resolved = sorted({*resolved, *pins})
        path = LOCKS / f"{name}.lock"
        path.write_text("\n".join([f"# {name}: written by tools/lock.py from pyproject.toml", *pins, ""]))
        print(f"{path.relative_to(ROOT)}  {len(pins)} pins")


if __name__ == "__main__":
    main()
