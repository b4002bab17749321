"""Fails if a tracked file names a path of the machine it was written on: nobody else has it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Home directories and work trees, written so that this file does not contain them; and this checkout, this home.
KNOWN = [r"/r[o]ot/", r"/w[o]rk/", r"/h[o]me/\w", r"/Us[e]rs/\w"]
PLACES = [*KNOWN, *(re.escape(f"{place}/") for place in (ROOT, Path.home()) if place != Path("/"))]
PATH = re.compile(rf"(?<![\w.*$}}~-])(?:{'|'.join(PLACES)})")


def findings(name: str) -> list[str]:
    """Lines of one file, as `file:line: text`; none for binary files."""
    try:
        text = (ROOT / name).read_text()
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return []
    return [f"{name}:{number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1) if PATH.search(line)]


def main() -> int:
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z"]
    names = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split("\0")
    found = [line for name in names if name for line in findings(name)]
    print("\n".join([*found, f"{len(found)} paths of one machine in {len(names) - 1} tracked files"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
