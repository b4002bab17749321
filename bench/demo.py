"""Time and memory to bring the demo fabric up."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from weft.lab import agents

WEFT = [sys.executable, "-m", "weft.cli.main"]
REPETITIONS = 5


def _weft(*words: str) -> None:
    subprocess.run([*WEFT, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _proportional_octets(pid: int) -> int:
    """Memory of a process, shared pages divided among those who share them (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def run(write: Callable[[str], None] = print) -> None:
    times: dict[str, list[float]] = {"up": [], "up again": [], "show mac": [], "test": [], "down": []}
    memory = 0
    commands = {"up": ("up", "demo"), "up again": ("up", "demo"), "test": ("test", "demo"), "down": ("down", "demo")}
    for _ in range(REPETITIONS):
        for name, words in commands.items():
            start = time.monotonic()
            _weft("lab", *words)
            times[name].append(time.monotonic() - start)
            if name == "up again":
                start = time.monotonic()
                _weft("show", "mac", "-n", "demo/leaf1")
                times["show mac"].append(time.monotonic() - start)
            if name == "test":
                pids = [pid for running in agents.processes("demo").values() for pid in running]
                memory = sum(_proportional_octets(pid) for pid in pids)
    write("| demo fabric (2 spines, 3 leaves, 5 hosts) | median |")
    write("|---|---|")
    for name, values in times.items():
        command = name if name == "show mac" else f"lab {name}"
        write(f"| {command}, s | {statistics.median(values):.2f} |")
    write(f"| memory of the five agents together (PSS), MB | {memory / 1e6:.0f} |")


if __name__ == "__main__":
    run()
