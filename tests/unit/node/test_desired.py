"""Rows that fail stay pending with their reason, and heal."""

from __future__ import annotations

import sys

import pytest

from support.planes import EbpfBench, ebpf_bench
from support.topology import NEAR, RED
from weft.forwarding.rows import MESH_GROUP, Bridge, FloodList, FloodMember, NextHop, Target, Vap, WireKey
from weft.forwarding.snapshot import Delta
from weft.node.desired import Desired
from weft.values import Encap

pytestmark = pytest.mark.root


def flood(size: int) -> FloodList:
    return FloodList(RED, tuple(FloodMember(MESH_GROUP, target=Target(Encap.VXLAN, NEAR, key)) for key in range(size)))


@pytest.fixture
def bench():  # type: ignore[no-untyped-def]
    with ebpf_bench() as made:
        yield made


def test_a_row_that_does_not_fit_is_pending_with_its_reason_and_loses_no_other(bench: EbpfBench) -> None:
    desired = Desired(bench.plane)
    desired.apply(Delta((Bridge(RED, "red", learn=True, ageing_s=300.0), flood(129))))
    (error,) = desired.pending.values()
    assert "129 receivers of flooded frames, the first 128 fit" in error.reason
    assert error.row == flood(129)
    (entry,) = bench.ebpf._maps["floods"].items()
    assert int.from_bytes(entry[1][:4], sys.byteorder) == 128


def test_a_next_hop_beyond_the_array_is_pending_and_can_be_removed(bench: EbpfBench) -> None:
    """A peer chooses how many distinct labels it sends; taking them back must not end the agent."""
    desired = Desired(bench.plane)
    desired.apply(Delta((NextHop(20_000, ()),)))
    assert [error.row for error in desired.pending.values()] == [NextHop(20_000, ())]
    desired.apply(Delta(deletes=((NextHop, 20_000),)))
    assert not desired.pending


def test_an_interface_that_is_gone_stays_pending_however_often_it_is_tried(bench: EbpfBench) -> None:
    desired = Desired(bench.plane)
    desired.apply(Delta((Vap(9999, RED, "gone", peer_reachable=False),)))
    for _ in range(2):
        desired.retry()
        (error,) = desired.pending.values()
        assert "No such device" in error.reason


def test_a_pending_row_heals_when_it_changes_or_goes(bench: EbpfBench) -> None:
    desired = Desired(bench.plane)
    desired.apply(Delta((flood(129),)))
    desired.retry()
    assert desired.pending
    desired.apply(Delta((flood(128),)))
    assert not desired.pending
    desired.apply(Delta((flood(129),)))
    desired.apply(Delta(deletes=((FloodList, RED),)))
    assert not desired.pending


def test_own_rows_are_stated_whole_and_what_is_left_out_goes(bench: EbpfBench) -> None:
    desired = Desired(bench.plane)
    desired.state([WireKey(Encap.VXLAN, 7, RED), WireKey(Encap.VXLAN, 8, RED)])
    desired.state([WireKey(Encap.VXLAN, 8, RED)])
    keys = bench.ebpf._maps["wire_keys"].items()
    assert {int.from_bytes(key, "little") for key, _ in keys} == {8}
