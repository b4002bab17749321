"""What is on a wire: tcpdump records it, tshark, which is not ours, says what it is."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.machines import Machine
from support.wait import wait_until
from weft.host import netns

CHECKSUMS = ("ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE")
"""tshark verifies checksums only when asked."""

_MARK = b"\x02\0\0\0\xff\xff\x02\0\0\0\xff\xfe\x88\xb5"  # two unused stations, local experimental ethertype 1
_BUFFER_KIB = 64 * 1024

Packet = dict[str, list[str]]
"""Field -> its values, outermost first."""


class Capture:
    """A recording in progress; made by `capture`."""

    def __init__(self, machine: Machine, port: str, file: Path) -> None:
        self.file = file
        self._machine = machine
        self._port = port
        self._errors = file.with_suffix(".err")
        command = ["tcpdump", "-i", port, "-w", str(file), "-U", "-Z", "root", "-B", str(_BUFFER_KIB), "-n"]
        with open(self._errors, "wb") as errors:
            self._process = machine.start(*command, stdout=subprocess.DEVNULL, stderr=errors)
        wait_until("tcpdump listens", lambda: b"listening" in self._errors.read_bytes())

    def finish(self) -> Path:
        """End the recording after everything that has passed until now is in the file. Asserts that nothing is lost."""
        nonce = os.urandom(16)
        with netns.entered(self._machine.namespace):
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with wire:
            wire.bind((self._port, 0))
            wire.send((_MARK + nonce).ljust(60, b"\0"))
        wait_until("the mark is recorded", lambda: nonce in _tail(self.file))
        self.stop()
        lost = re.search(r"(\d+) packets? dropped by kernel", self._errors.read_text())
        assert lost is not None
        assert lost[1] == "0", self._errors.read_text()
        return self.file

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)


@contextmanager
def capture(machine: Machine, port: str, file: Path) -> Iterator[Capture]:
    """Record what passes a port, both directions, while the block lasts; `finish` makes it whole."""
    recording = Capture(machine, port, file)
    try:
        yield recording
    finally:
        recording.stop()


def dissect(file: Path, fields: Sequence[str], only: str = "", options: Sequence[str] = CHECKSUMS) -> list[Packet]:
    """The packets that match display filter `only`, with the values of `fields`. Raises AssertionError."""
    command = ["tshark", "-n", "-r", str(file), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]
    command += [word for option in options for word in ("-o", option)]
    command += [word for field in fields for word in ("-e", field)] + (["-Y", only] if only else [])
    # An unknown field makes tshark print nothing at all: its exit status tells.
    answer = subprocess.run(command, capture_output=True, timeout=120, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return [
        {field: value.split(",") if value else [] for field, value in zip(fields, line.split("\t"), strict=True)}
        for line in answer.stdout.split("\n")
        if line
    ]


def _tail(file: Path) -> bytes:
    with open(file, "rb") as opened:
        opened.seek(max(0, file.stat().st_size - 4096))
        return opened.read()
