"""The API of a real node with the data plane in memory; no root needed."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.configs import evpn_host, static_host
from support.frames import arp_request, mac
from support.wait import wait_until
from weft.api.server import serve
from weft.config.tree import HostConfig
from weft.dataplane.fake import FakeDataPlane
from weft.forwarding.drops import Drop
from weft.forwarding.rows import Vap
from weft.forwarding.snapshot import Delta
from weft.node.node import Node
from weft.node.view import NOUNS
from weft.values import Unavailable

STATIC = """net: {vni: 5001, remotes: [192.0.2.2], ports: [{name: nosuch0}],
                 hosts: [{mac: "02:00:00:00:00:09", remote: 192.0.2.2}]}"""


class Answer:
    """Status and parsed body of one request."""

    def __init__(self, path: Path, target: str, method: str = "GET") -> None:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(path))
        connection.request(method, target)
        response = connection.getresponse()
        body = response.read()
        self.status = response.status
        self.body: Any = json.loads(body) if response.headers.get("content-type") == "application/json" else body
        connection.close()

    @property
    def items(self) -> list[dict[str, Any]]:
        return list(self.body["items"])


def ask(config: HostConfig, path: Path, story: Callable[[Node, Callable[[str], Answer]], None]) -> None:
    """Run a node and its API, and the story's requests in a thread beside them."""

    async def main() -> None:
        node = Node(config, FakeDataPlane(time.monotonic), time.monotonic, random.Random(1).random)
        async with serve(node, path):
            work = asyncio.create_task(node.run())
            await asyncio.to_thread(story, node, lambda target: Answer(path, target))
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await node.stop(keep=False)

    asyncio.run(main())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "api.sock"


def has_looked(get: Callable[[str], Answer]) -> None:
    """Wait until the node has read its interfaces and stated its rows."""
    wait_until("the node has looked", lambda: "have not been read" not in str(get("/v1/status").body))


def test_every_noun_answers_with_its_schema(path: Path) -> None:
    def story(node: Node, get: Callable[[str], Answer]) -> None:
        for noun in NOUNS:
            answer = get(f"/v1/{noun}")
            assert answer.status == 200
            assert answer.body["schema"] == f"weft.{noun}/v1"

    ask(evpn_host(), path, story)


CONTRACT = {
    "mac": "network vni mac where port vtep encap vteps esi source age_s sequence flags",
    "vtep": "address encap lane vnis state",
    "port": "name network vlan mtu state rx_packets tx_packets rx_octets tx_octets macs",
    "bgp": "peer remote_asn state uptime_s received accepted sent last_error",
    "evpn": "type rd tag esi mac ip prefix vnis nexthop route_targets encaps router_mac sequence sticky peer best "
    "imported_by",
    "drops": "reason count meaning",
    "counters": "name value",
    "status": "name dataplane uptime_s converged problems",
}


@pytest.mark.parametrize("noun", CONTRACT)
def test_items_have_the_keys_that_scripts_rely_on(path: Path, noun: str) -> None:
    def story(node: Node, get: Callable[[str], Answer]) -> None:
        items = wait_until(f"there is a {noun}", lambda: get(f"/v1/{noun}").items)
        assert all(set(CONTRACT[noun].split()) <= set(item) for item in items)

    ask(static_host(STATIC) if noun in ("mac", "vtep", "port") else evpn_host(), path, story)


def test_what_is_missing_is_named(path: Path) -> None:
    def story(node: Node, get: Callable[[str], Answer]) -> None:
        has_looked(get)
        (item,) = get("/v1/status").items
        assert "interface nosuch0 does not exist" in item["problems"]
        assert "no underlay path to VTEP 192.0.2.2" in item["problems"]
        assert item["converged"] is False

    ask(static_host(STATIC), path, story)


def test_learned_addresses_and_drops_are_shown(path: Path) -> None:
    def story(node: Node, get: Callable[[str], Answer]) -> None:
        assert isinstance(node.plane, FakeDataPlane)
        has_looked(get)
        node.plane.apply(Delta((Vap(7, 5001, "p1", peer_reachable=False),)))
        node.plane.inject(7, arp_request(mac(0x55)))
        node.plane.inject(7, b"runt")
        (pinned, learned) = sorted(get("/v1/mac").items, key=lambda item: str(item["source"] != "static"))
        assert (pinned["mac"], pinned["where"], pinned["vtep"], pinned["flags"]) == (
            str(mac(9)),
            "remote",
            "192.0.2.2",
            ["pinned"],
        )
        assert (learned["mac"], learned["where"], learned["source"]) == (str(mac(0x55)), "local", "learned")
        counts = {item["reason"]: item["count"] for item in get("/v1/drops").items}
        assert counts[Drop.RUNT_FRAME.word] == 1

    ask(static_host(STATIC), path, story)


def test_what_does_not_exist_says_what_does(path: Path) -> None:
    def story(node: Node, get: Callable[[str], Answer]) -> None:
        answer = get("/v1/macs")
        assert answer.status == 404
        assert "mac" in answer.body["error"]

    ask(evpn_host(), path, story)


def test_reading_is_all_there_is(path: Path) -> None:
    def story(node: Node, get: Callable[[str], Answer]) -> None:
        assert Answer(path, "/v1/status", "POST").status == 405

    ask(evpn_host(), path, story)


def test_the_socket_is_for_owner_and_group_and_gone_afterwards(path: Path) -> None:
    def story(node: Node, get: Callable[[str], Answer]) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660

    ask(evpn_host(), path, story)
    assert not path.exists()


def test_a_dead_agents_socket_is_taken_over_and_a_living_ones_is_not(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))

    def story(node: Node, get: Callable[[str], Answer]) -> None:
        assert get("/v1/status").status == 200

        async def second() -> None:
            async with serve(node, path):
                raise AssertionError("two agents on one socket")

        with pytest.raises(Unavailable, match="another agent answers"):
            asyncio.run(second())

    ask(evpn_host(), path, story)
