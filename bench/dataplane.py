"""Throughput, packet rate, request rate and CPU of every set-up, interleaved; medians and ratios."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.setups import RECEIVER, SETUPS, Pair
from weft.host import netns

PORT = 7001
REPETITIONS = 7
SENDER_CPU, RECEIVER_CPU = 0, 1
STREAM_S, RATE_S = 1.5, 1.0
GOALS = (("stream", "bridged", 1.25), ("packets", "bridged", 1.75), ("stream", "raw", 0.90))


def compile_traffic(into: Path) -> Path:
    """The traffic tool, by the machine's C compiler or the one that builds the eBPF program."""
    tool = into / "traffic"
    found = [[path] for name in ("cc", "clang") if (path := shutil.which(name))]
    compiler = [*found, [sys.executable, "-m", "ziglang", "cc"]][0]
    subprocess.run([*compiler, "-O2", "-o", str(tool), str(Path(__file__).with_name("traffic.c"))], check=True)
    return tool


def _on_cpu(number: int) -> Callable[[], None]:
    """Sender and receiver each keep to one processor, in every set-up alike: where the scheduler puts them otherwise
    makes more difference than what is measured."""
    return lambda: os.sched_setaffinity(0, {number % (os.cpu_count() or 1)})


def busy_s() -> float:
    """CPU seconds spent by the whole machine on anything but idling."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / 100


class Driver:
    """Runs the traffic tool in a pair's namespaces."""

    def __init__(self, tool: Path, pair: Pair, stack: ExitStack) -> None:
        self.tool = tool
        self.pair = pair
        with netns.entered(pair.receiver):
            server = subprocess.Popen([str(tool), "serve", str(PORT)], preexec_fn=_on_cpu(RECEIVER_CPU))
        stack.callback(server.wait)
        stack.callback(server.terminate)

    def run(self, what: str, seconds: float, *more: str) -> tuple[float, float, float]:
        """(count, seconds, CPU seconds of the machine meanwhile)."""
        command = [str(self.tool), what, RECEIVER, str(PORT), str(seconds), *more]
        before = busy_s()
        with netns.entered(self.pair.sender):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_on_cpu(SENDER_CPU))
        output, _ = process.communicate(timeout=60)
        count, elapsed, *_ = (float(word) for word in output.split())
        return count, elapsed, busy_s() - before


Figures = dict[str, float]


def measure(driver: Driver) -> Figures:
    """One repetition of everything."""
    octets, seconds, cpu = driver.run("stream", STREAM_S)
    back, back_s, _ = driver.run("reverse", STREAM_S)
    packets, rate_s, packet_cpu = driver.run("blast", RATE_S, "64")
    answers, ask_s, _ = driver.run("ask", RATE_S)
    return {
        "stream": octets * 8e-9 / seconds,
        "reverse": back * 8e-9 / back_s,
        "cpu-gb": cpu / octets * 1e9,
        "packets": packets / rate_s / 1e3,
        "cpu-packet": packet_cpu / packets * 1e6,
        "requests": answers / ask_s / 1e3,
    }


TITLES = {
    "stream": "TCP, one stream, Gbit/s",
    "reverse": "TCP, the other way, Gbit/s",
    "cpu-gb": "CPU s per GB",
    "packets": "UDP 64 octets, kpackets/s",
    "cpu-packet": "CPU us per packet",
    "requests": "TCP requests, k/s",
}


def run(write: Callable[[str], None] = print) -> None:
    """Measure and print the table, then the goals."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tool = compile_traffic(folder)
        drivers = [Driver(tool, setup(stack), stack) for setup in SETUPS]
        for driver in drivers:
            driver.run("stream", 0.2)  # warm: ARP, learning, page cache
        results: dict[str, list[Figures]] = {driver.pair.name: [] for driver in drivers}
        for number in range(REPETITIONS):
            for driver in drivers:
                results[driver.pair.name].append(measure(driver))
            print(f"repetition {number + 1} of {REPETITIONS}", file=sys.stderr)
    report(results, write)


def ratio(results: dict[str, list[Figures]], title: str, name: str, base: str) -> float:
    """Median of the ratios repetition by repetition: machine drift hits both sides alike."""
    return statistics.median(a[title] / b[title] for a, b in zip(results[name], results[base], strict=True))


def report(results: dict[str, list[Figures]], write: Callable[[str], None]) -> None:
    names = list(results)
    write("| measured | " + " | ".join(names) + " | weft / bridged | weft / direct | weft / raw |")
    write("|---|" + "---|" * (len(names) + 3))
    for title, text in TITLES.items():
        medians = [statistics.median(figures[title] for figures in results[name]) for name in names]
        ratios = [ratio(results, title, "weft", base) for base in ("bridged", "direct", "raw")]
        write(
            f"| {text} | "
            + " | ".join(f"{m:.2f}" for m in medians)
            + " | "
            + " | ".join(f"{r:.2f}" for r in ratios)
            + " |"
        )
    write("")
    for title, base, goal in GOALS:
        got = ratio(results, title, "weft", base)
        write(f"goal: {TITLES[title]}: {got:.2f} of {base}, wanted {goal:.2f}: {'met' if got >= goal else 'not met'}")


if __name__ == "__main__":
    run()
