"""Capture tools against tshark, dpkt and scapy: `python -m bench.packets [PACKETS]`.

One generated capture of mixed nested tunnels (bench/packets_capture.py), one run, tools taking turns, medians. The work
is the same for all: of every packet and every nesting level, addresses, protocol, ports, encapsulation and key. Before
anything is timed, weft's columns of a sample must equal what tshark prints, and what the Python peers give; where they
differ, nothing is measured. The peers get a part of the capture, for they would take minutes; tshark's start is taken
off its time. dpkt and scapy: pip install -r bench/requirements-packets.txt
"""

from __future__ import annotations

import importlib.util
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from bench import packets_capture
from bench.packets_peers import Level, by_dpkt, by_scapy
from support.captures import pcap
from support.oracle import columns_as_tshark, tshark_command, tshark_rows
from weft.capture import NO_KEY, EncapCode, Reading, open_capture
from weft.capture.decap import Decapsulator
from weft.capture.pcap import file_header

ROUNDS = 3
SAMPLE = 20_000
PARTS = {"tshark": 200_000, "dpkt": 50_000, "scapy": 5_000}
GIGABYTE_PACKETS = 2_150_000


def run(packets: int = 1_000_000) -> None:
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        place = Path(name)
        whole = _capture(place, packets)
        peers = _peers(place)
        _check(place, peers)
        print(f"{packets} packets, {whole.stat().st_size / 1e6:.0f} MB, numpy {np.__version__}, {ROUNDS} rounds\n")
        _compare(whole, packets, peers)
        _others(place, whole, packets)


def _capture(place: Path, packets: int) -> Path:
    path = place / f"{packets}.pcap"
    if not path.exists():
        packets_capture.write(path, packets)
    return path


def _peers(place: Path) -> dict[str, Callable[[], None]]:
    """The peers that are there, each as the work on its part of the capture."""

    def exhaust(decode: Callable[[Path], Iterator[list[Level]]], path: Path) -> Callable[[], None]:
        return lambda: deque(decode(path), maxlen=0).clear()

    found: dict[str, Callable[[], None]] = {}
    if shutil.which("tshark"):
        path = _capture(place, PARTS["tshark"])
        found["tshark"] = lambda: _tshark(path)
    for name, decode in (("dpkt", by_dpkt), ("scapy", by_scapy)):
        if importlib.util.find_spec(name):
            found[name] = exhaust(decode, _capture(place, PARTS[name]))
    for name in PARTS.keys() - found.keys():
        print(f"{name} is not installed and not compared")
    return found


def _tshark(path: Path) -> None:
    subprocess.run(tshark_command(path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _decode(path: Path) -> int:
    with open_capture(path) as capture:
        return sum(len(columns.nesting) for _, columns in capture.columns())


def _check(place: Path, peers: dict[str, Callable[[], None]]) -> None:
    """Equal on a sample, or no figures."""
    path = _capture(place, SAMPLE)
    rows, levels = [], []
    with open_capture(path) as capture:
        for block, columns in capture.columns(reading=Reading.PLAIN):
            rows += columns_as_tshark(block, columns)
            levels += _levels(columns)
    if "tshark" in peers:
        assert rows == tshark_rows(path)
    for name, decode, count in (("dpkt", by_dpkt, SAMPLE), ("scapy", by_scapy, 1000)):
        if name in peers:
            assert [found for _, found in zip(range(count), decode(path), strict=False)] == levels[:count]
    print(f"equal on {SAMPLE} packets: weft, {', '.join(peers)}")


def _levels(columns: object) -> list[list[Level]]:
    """Columns in the shape of the peers."""
    found: list[list[Level]] = [[] for _ in columns.nesting]
    for level in columns.levels:
        for at, row in enumerate(level.row.tolist()):
            version = int(level.version[at])
            if not version:
                found[row].append((None,) * 7)
                continue
            pair = [
                (int(words[at][0]) << 64 | int(words[at][1])).to_bytes(4 if version == 4 else 16, "big")
                for words in (level.source, level.destination)
            ]
            ports = [int(port[at]) if port[at] >= 0 else None for port in (level.sport, level.dport)]
            encap = EncapCode(int(level.encap[at])).name.lower() if level.encap[at] else None
            key = int(level.key[at]) if level.key[at] != NO_KEY else None
            found[row].append((*pair, int(level.protocol[at]), *ports, encap, key))
    return found


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _compare(whole: Path, packets: int, peers: dict[str, Callable[[], None]]) -> None:
    empty = whole.with_name("empty.pcap")
    empty.write_bytes(pcap([]))
    rates: dict[str, list[float]] = {"weft": [], **{name: [] for name in peers}}
    for _ in range(ROUNDS):
        rates["weft"].append(packets / _timed(lambda: _decode(whole)))
        for name, work in peers.items():
            start = _timed(lambda: _tshark(empty)) if name == "tshark" else 0.0
            rates[name].append(PARTS[name] / (_timed(work) - start))
    print(f"\n{'tool':10}{'packets/s':>14}{'weft is':>12}")
    for name, found in rates.items():
        ratio = median(ours / other for ours, other in zip(rates["weft"], found, strict=True))
        print(f"{name:10}{median(found):>14,.0f}{'' if name == 'weft' else f'{ratio:,.0f} x':>12}")


def _others(place: Path, whole: Path, packets: int) -> None:
    print(f"\n{'step':44}{'packets/s':>14}{'seconds':>10}")
    steps: list[tuple[str, Callable[[], object]]] = [
        ("read the file, 8 MiB at a time", lambda: _read(whole)),
        ("index: find the records", lambda: _index(whole)),
        ("decode: index and columns", lambda: _decode(whole)),
        ("decap to a new file, outermost", lambda: _decap(whole, place / "out.pcap", False)),
        ("decap to a new file, all", lambda: _decap(whole, place / "out.pcap", True)),
    ]
    for name, work in steps:
        seconds = median(_timed(work) for _ in range(ROUNDS))
        print(f"{name:44}{packets / seconds:>14,.0f}{seconds:>10.3f}")
    (place / "out.pcap").unlink()
    first = median(_first_line(whole) for _ in range(ROUNDS))
    print(f"{'weft decode: first line':44}{'':14}{first:>10.3f}")
    large = _capture(place, GIGABYTE_PACKETS)
    command = [sys.executable, "-m", "weft.cli.main", "decode", "--summary", "-j", str(large)]
    seconds = _timed(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True, stderr=subprocess.DEVNULL))
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    text = f"weft decode --summary of {large.stat().st_size / 1e9:.2f} GB"
    print(f"{text:44}{GIGABYTE_PACKETS / seconds:>14,.0f}{seconds:>10.3f}   at most {most:.0f} MiB of memory")


def _read(path: Path) -> None:
    buffer = bytearray(8 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _index(path: Path) -> None:
    with open_capture(path) as capture:
        for _ in capture.blocks():
            pass


def _decap(source: Path, target: Path, every: bool) -> None:
    work = Decapsulator(every)
    with open_capture(source) as capture, target.open("wb") as file:
        file.write(file_header())
        for block in capture.blocks():
            file.write(work.records(block).data)


def _first_line(path: Path) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "weft.cli.main", "decode", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds = time.perf_counter() - start
        process.stdout.close()
    return seconds


if __name__ == "__main__":
    run(*map(int, sys.argv[1:2]))
