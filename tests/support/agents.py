"""Real agents: one `weft agent` process each, in a namespace, with its own configuration, state and log."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.machines import Machine
from support.wait import wait_until
from weft.cli.client import get_items
from weft.lab.state import remove_tree
from weft.values import WeftError

Item = dict[str, Any]

_START_S = 20.0
_STOP_S = 10.0


class Agent:
    """A running agent; made by `agent`."""

    def __init__(self, machine: Machine, config: str, directory: Path) -> None:
        self.machine = machine
        self.directory = directory
        self.socket = directory / "api.sock"
        file = directory / "host.weft.yaml"
        file.write_text(f"version: 1\nkind: host\nname: {machine.name}\n{config}\nagent: {{on-exit: remove}}\n")
        command = [sys.executable, "-m", "weft.cli.main", "agent", "-c", str(file)]
        command += ["--socket", str(self.socket), "--state-dir", str(directory)]
        with open(directory / "log", "ab") as log:
            self._process = machine.start(*command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def items(self, noun: str) -> list[Item]:
        """The items of `GET /v1/<noun>`."""
        return get_items(self.socket, noun)

    def show(self, noun: str) -> list[Item]:
        """What `weft show <noun> -j` prints."""
        command = [sys.executable, "-m", "weft.cli.main", "show", noun, "-j", "--socket", str(self.socket)]
        answer = subprocess.run(command, capture_output=True, timeout=30, check=True)
        return list(json.loads(answer.stdout)["items"])

    def counts(self, noun: str) -> dict[str, int]:
        """`drops` by reason or `counters` by name."""
        return {str(item.get("reason") or item["name"]): _count(item) for item in self.items(noun)}

    def wait_ready(self) -> None:
        """Until the API answers."""
        wait_until(f"the API of {self.machine.name}", self._answers, _START_S)

    def wait_converged(self, deadline_s: float = 20.0) -> None:
        """Until nothing is missing; with the agent's own words on what is, if that does not come."""
        try:
            wait_until(f"{self.machine.name} converged", lambda: self.items("status")[0]["converged"], deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.items('status')}\n{self.log}") from None

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"the agent of {self.machine.name} has ended:\n{self.log}"
        try:
            return bool(self.items("status"))
        except WeftError:
            return False

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP for the block: the data plane goes on without its agent."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM, and SIGKILL if that is not enough. Returns the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()


def _count(item: Item) -> int:
    return int(item["count"] if "count" in item else item["value"])


@contextmanager
def agent(machine: Machine, config: str, directory: Path) -> Iterator[Agent]:
    """Run an agent for the block. `config` is a host file without its first three lines.

    Raises AssertionError if it does not end properly when it is told to.
    """
    directory.mkdir(parents=True)
    running = Agent(machine, config, directory)
    try:
        running.wait_ready()
        yield running
        code = running.stop()
        assert code == 0, f"the agent of {machine.name} ended with {code}:\n{running.log}"
        assert "Traceback" not in running.log, running.log
    finally:
        running.stop()
        remove_tree(directory)
