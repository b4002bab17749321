"""Forwarding outlives the agent: pins, adoption, and a clean end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from support.frames import arp_request, mac, udp4
from support.topology import REMOTE_HOST, rows_over_wires, vxlan_packet
from support.wires import Wires, wires
from weft.dataplane.ebpf.plane import EbpfDataPlane
from weft.forwarding.rows import MacRow, Vap
from weft.forwarding.snapshot import EMPTY, Snapshot, diff
from weft.host import bpffs, netns
from weft.host.links import links_of

pytestmark = pytest.mark.root
HOST_A = mac(0x101)
TO_REMOTE = udp4(REMOTE_HOST, HOST_A)


@pytest.fixture
def on() -> Iterator[Wires]:
    with wires() as made:
        yield made


@pytest.fixture
def pins(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "bpf"
    bpffs.ensure_mounted(path)
    yield path
    bpffs.unmount(path)


Hook = Literal["tcx", "clsact"]


@pytest.fixture(params=["tcx", "clsact"])
def hook(request: pytest.FixtureRequest) -> Hook:
    """By TCX links, and by clsact filters as on kernels before 6.6."""
    chosen: Hook = request.param
    return chosen


def plane_on(on: Wires, pins: Path, rows: Snapshot, hook: Hook = "tcx") -> EbpfDataPlane:
    with netns.entered(on.vtep):
        plane = EbpfDataPlane(pins, hook)
        assert plane.apply(diff(EMPTY, rows)) == ()
    return plane


def forwards(on: Wires) -> bool:
    on.send("p1", TO_REMOTE)
    return len(on.collect(1, deadline_s=0.5)) == 1


def killed_agent(on: Wires, pins: Path, hook: Hook = "tcx", rows: Snapshot | None = None) -> None:
    """A process sets up a data plane and dies by SIGKILL."""
    child = os.fork()
    if child == 0:
        plane = plane_on(on, pins, rows or rows_over_wires(on.interfaces), hook)
        plane.activate()
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_forwarding_and_flooding_survive_the_agents_death(on: Wires, pins: Path, hook: Hook) -> None:
    killed_agent(on, pins, hook)
    assert forwards(on)
    on.send("p1", arp_request(HOST_A))
    assert len(on.collect(3)) == 3


def test_without_pins_nothing_survives(on: Wires, tmp_path: Path) -> None:
    """The control: what the test above shows is the pins' doing."""
    with netns.entered(on.vtep):
        plane = EbpfDataPlane()
        plane.apply(diff(EMPTY, rows_over_wires(on.interfaces)))
    assert forwards(on)
    plane.close(keep=True)
    assert not forwards(on)


def test_a_successor_leaves_forwarding_alone_until_it_is_ready(on: Wires, pins: Path, hook: Hook) -> None:
    killed_agent(on, pins, hook)
    rows = rows_over_wires(on.interfaces)
    without_macs = Snapshot.of([row for row in rows.rows() if not isinstance(row, MacRow)])
    successor = plane_on(on, pins, without_macs, hook)
    on.send("p1", TO_REMOTE)
    assert len(on.collect(1)) == 1  # by the old rows: one tunnel, not flooded
    with netns.entered(on.vtep):
        assert successor.activate() == ()
    on.send("p1", TO_REMOTE)
    assert len(on.collect(3)) == 3  # by the new rows, which do not know the address
    with netns.entered(on.vtep):
        successor.close(keep=False)


def test_a_successor_knows_what_was_learned_and_counted_before(on: Wires, pins: Path) -> None:
    killed_agent(on, pins)
    on.send("p1", arp_request(HOST_A))
    on.collect(3)
    successor = plane_on(on, pins, rows_over_wires(on.interfaces))
    assert [entry.mac for entry in successor.learned()] == [HOST_A]
    assert [fact.mac for fact in successor.facts()] == [HOST_A]  # reported while nobody listened
    successor.close(keep=False)


def test_a_clean_end_leaves_no_pin_and_no_program(on: Wires, pins: Path, hook: Hook) -> None:
    killed_agent(on, pins, hook)
    successor = plane_on(on, pins, rows_over_wires(on.interfaces), hook)
    with netns.entered(on.vtep):
        successor.close(keep=False)
    assert [pin.name for pin in pins.rglob("*") if not pin.name.endswith(".debug")] == []
    assert not forwards(on)


def test_keeping_leaves_everything(on: Wires, pins: Path) -> None:
    plane = plane_on(on, pins, rows_over_wires(on.interfaces))
    plane.close(keep=True)
    assert forwards(on)


def test_an_upgrade_with_another_layout_takes_over_too(on: Wires, pins: Path) -> None:
    """Its facts cannot be read, so they go; its programs are swapped, never left beside the new ones."""
    killed_agent(on, pins)
    on.send("p1", arp_request(HOST_A))
    on.collect(3)
    (folder,) = [path for path in pins.iterdir() if path.is_dir()]
    folder.rename(pins / "0123456789abcdef")
    successor = plane_on(on, pins, rows_over_wires(on.interfaces))
    assert successor.learned() == []
    assert forwards(on)
    with netns.entered(on.vtep):
        successor.activate()
    assert not (pins / "0123456789abcdef").exists()
    assert forwards(on)
    assert len(on.collect(0, deadline_s=0.1)) == 0
    successor.close(keep=False)
    assert not forwards(on)


def test_a_port_that_left_the_configuration_forwards_no_more(on: Wires, pins: Path, hook: Hook) -> None:
    """Until the successor takes over, the old rows hold; then nothing may be left on the port, nor afterwards."""
    killed_agent(on, pins, hook)
    rows = rows_over_wires(on.interfaces)
    without_port = Snapshot.of([row for row in rows.rows() if row != rows.table(Vap)[on.index["p1"]]])
    successor = plane_on(on, pins, without_port, hook)
    assert forwards(on)
    with netns.entered(on.vtep):
        assert successor.activate() == ()
        assert not forwards(on)
        successor.close(keep=False)
    assert not forwards(on)


def test_what_old_programs_learned_from_tunnels_is_no_address_to_the_successor(on: Wires, pins: Path) -> None:
    """Its next-hop numbers mean something else: a frame would go to another VTEP, in another tenant's VNI."""
    before = rows_over_wires(on.interfaces, learn_from_tunnels=True)
    killed_agent(on, pins, rows=before)
    successor = plane_on(on, pins, rows_over_wires(on.interfaces))
    on.send("u1", vxlan_packet(arp_request(mac(0x777)), on.interfaces))  # learned by the old programs, late
    on.collect(2)
    assert successor.learned() == []
    with netns.entered(on.vtep):
        successor.activate()
    on.send("p1", udp4(mac(0x777), HOST_A))
    assert len(on.collect(3)) == 3  # unknown: flooded
    successor.close(keep=False)


def test_an_interface_that_vanished_during_the_takeover_loses_no_other(on: Wires, pins: Path) -> None:
    killed_agent(on, pins)
    successor = plane_on(on, pins, rows_over_wires(on.interfaces))
    with links_of(on.vtep) as links:
        links.delete("p2")
    with netns.entered(on.vtep):
        failed = successor.activate()
    assert [error.row.key for error in failed] == [on.index["p2"]]
    assert forwards(on)
    successor.close(keep=False)
