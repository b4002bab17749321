"""`weft show` against an agent's socket: every noun in every form, filters, waiting, watching."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]

NOUNS = ("status", "mac", "vtep", "evpn", "bgp", "port", "drops", "counters")


@pytest.mark.parametrize("noun", NOUNS)
def test_json_is_the_body_of_the_api(noun: str, agent: Any, weft: Run) -> None:
    for words in (["show", noun, "-j"], ["-j", "show", noun], ["show", "-o", "json", noun]):
        result = weft(*words)
        assert result.code == 0
        assert json.loads(result.out) == {"schema": f"weft.{noun}/v1", "items": agent.items[noun]}
        assert result.err == ""
    assert set(agent.asked) == {f"/v1/{noun}"}


@pytest.mark.parametrize("noun", NOUNS)
def test_yaml_holds_the_same_for_readers_of_any_yaml_version(noun: str, agent: Any, weft: Run) -> None:
    out = weft("show", noun, "-o", "yaml").out
    assert yaml.safe_load(out) == {"schema": f"weft.{noun}/v1", "items": agent.items[noun]}


@pytest.mark.parametrize("noun", NOUNS)
def test_json_lines_hold_one_item_a_line(noun: str, agent: Any, weft: Run) -> None:
    out = weft("show", noun, "-o", "jsonl").out
    assert [json.loads(line) for line in out.splitlines()] == agent.items[noun]


@pytest.mark.parametrize("noun", NOUNS)
def test_nothing_is_an_empty_list_in_every_form(noun: str, agent: Any, weft: Run) -> None:
    agent.items[noun] = []
    empty = {"schema": f"weft.{noun}/v1", "items": []}
    assert json.loads(weft("show", noun, "-j").out) == empty
    assert yaml.safe_load(weft("show", noun, "-o", "yaml").out) == empty
    assert weft("show", noun, "-o", "jsonl").out == ""
    header = weft("show", noun).out
    assert header.isupper()
    assert header.count("\n") == 1


TABLES = {
    "status": """\
NAME   DATAPLANE  UPTIME  CONVERGED  PROBLEMS
leaf1  ebpf        3m12s  yes        -
""",
    "mac": """\
NETWORK  VNI    MAC                WHERE   PORT  VTEP         ENCAP  SOURCE   SEQ  FLAGS
red-web  10110  52:54:00:12:34:56  local   swp1  -            -      learned    0  -
blue     10210  02:00:00:00:00:0b  remote  -     10.255.0.12  vxlan  evpn      12  sticky,router
""",
    "vtep": """\
ADDRESS      ENCAP  LANE  VNIS         STATE
10.255.0.12  vxlan  ebpf  10110,10210  up
""",
    "bgp": """\
PEER        AS     STATE        UPTIME  RECEIVED  ACCEPTED  SENT  LAST-ERROR
10.255.0.1  65000  established   1d01h        12        11     4  bye\\x1b[2J\\nFAKE
""",
    "port": """\
NAME  NETWORK  VLAN   MTU  STATE  RX-PACKETS  TX-PACKETS  RX-OCTETS  TX-OCTETS  MACS
swp1  red-web  -     9166  up             10           5       1000        500     1
""",
    "drops": """\
REASON        COUNT  MEANING
unknown-vtep     10  outer source is not a VTEP of this network
""",
    "counters": """\
NAME        VALUE
rx_packets     15
""",
}


@pytest.mark.parametrize("noun", TABLES)
def test_tables_are_plain_and_hostile_text_is_escaped(noun: str, agent: Any, weft: Run) -> None:
    assert weft("show", noun).out == TABLES[noun]


def test_the_evpn_table_shows_what_matters_of_a_route(agent: Any, weft: Run) -> None:
    header, row = weft("show", "evpn").out.splitlines()
    shown = dict(zip(header.split(), row.split(), strict=True))
    assert shown == {
        "TYPE": "2",
        "RD": "10.255.0.12:1",
        "MAC": "02:00:00:00:00:0b",
        "IP": "-",
        "PREFIX": "-",
        "VNIS": "10110",
        "NEXTHOP": "10.255.0.12",
        "ROUTE-TARGETS": "65000:10110",
        "SEQ": "1",
        "PEER": "10.255.0.1",
        "BEST": "yes",
        "IMPORTED-BY": "red-web",
    }


@pytest.mark.parametrize(
    ("words", "macs"),
    [
        (["--network", "red-web"], ["52:54:00:12:34:56"]),
        (["--vni", "10210"], ["02:00:00:00:00:0b"]),
        (["--where", "remote"], ["02:00:00:00:00:0b"]),
        (["--source", "learned", "--network", "blue"], []),
    ],
)
def test_filters_keep_what_matches_all_of_them(words: list[str], macs: list[str], agent: Any, weft: Run) -> None:
    items = json.loads(weft("show", "mac", "-j", *words).out)["items"]
    assert [item["mac"] for item in items] == macs


def test_a_filter_on_a_list_keeps_items_that_hold_the_value(agent: Any, weft: Run) -> None:
    assert "10.255.0.12" in weft("show", "vtep", "--vni", "10210").out
    assert "10.255.0.12" not in weft("show", "vtep", "--vni", "1").out


def test_drops_that_never_occurred_are_hidden_in_the_table_only(agent: Any, weft: Run) -> None:
    assert "too-big" not in weft("show", "drops").out
    assert "too-big" in weft("show", "drops", "--all").out
    assert len(json.loads(weft("show", "drops", "-j").out)["items"]) == 2


def test_wait_returns_at_once_when_converged(agent: Any, weft: Run) -> None:
    result = weft("show", "status", "--wait", "60")
    assert (result.code, result.err) == (0, "")
    assert "leaf1" in result.out


def test_wait_fails_with_the_problems_when_time_is_over(agent: Any, weft: Run) -> None:
    agent.items["status"] = [
        {"name": "leaf1", "converged": False, "problems": ["peer 10.255.0.1 is idle"]},
        {"name": "x", "converged": True, "problems": []},
    ]
    result = weft("show", "status", "--wait", "0.3", "-j")
    assert result.code == 1
    assert json.loads(result.out)["items"] == agent.items["status"]
    assert result.err == "not converged after 0.3 s: peer 10.255.0.1 is idle\n"


def test_wait_sees_an_agent_that_comes_up_later(start: Callable[[str], Any], weft: Run) -> None:
    timer = threading.Timer(0.3, start, args=("leaf1",))
    timer.start()
    result = weft("show", "status", "--wait", "30")
    timer.join()
    assert result.code == 0


def test_wait_without_any_agent_fails_and_prints_an_empty_list(weft: Run) -> None:
    result = weft("show", "status", "--wait", "0.1", "-j")
    assert result.code == 1
    assert json.loads(result.out) == {"schema": "weft.status/v1", "items": []}
    assert "no agent in " in result.err


def test_wait_counts_an_agent_that_tells_nothing_as_not_converged(agent: Any, weft: Run) -> None:
    agent.items["status"] = []
    assert weft("show", "status", "--wait", "0").code == 1


def read_until(master: int, text: bytes, count: int, deadline_s: float = 20.0) -> bytes:
    """What a terminal shows until `text` was there `count` times."""
    seen = b""
    end = time.monotonic() + deadline_s
    while seen.count(text) < count and time.monotonic() < end:
        seen += os.read(master, 4096)
    return seen


def test_watch_redraws_on_a_terminal_until_interrupted(agent: Any) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "weft.cli.main", "--socket", str(agent.path), "show", "port", "-w"],
        stdout=slave,
        stderr=subprocess.PIPE,
    )
    os.close(slave)
    try:
        seen = read_until(master, b"swp1", 2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert seen.count(b"\x1b[H\x1b[2J") == 2
    assert (process.returncode, err) == (0, b"")
