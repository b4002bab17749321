"""Where flows go: what each kind of switch can tell apart, and how evenly it spreads that."""

from __future__ import annotations

import math

import numpy as np
import pytest

from support.captures import pcap, timed
from support.packets import VTEPS, frame, ip, seeds, tcp, udp
from weft.capture import open_capture
from weft.capture.chart import bars, svg
from weft.capture.spread import Flows, FlowTable, Spread, Switch, spread, spreads, synthetic_flows
from weft.forwarding import flowhash
from weft.values import Encap
from weft.wire.encap.gre import Gre
from weft.wire.encap.vxlan_gbp import VxlanGbp

FLOWS = synthetic_flows(10_000, 3)
ONES = FLOWS.packets


def one(encap: Encap, switch: Switch, links: int = 8, addresses: int = 1) -> Spread:
    return spread(FLOWS, links, ONES, encap, switch, addresses, 1)


@pytest.mark.parametrize("encap", [Encap.VXLAN, Encap.GENEVE, Encap.STT])
def test_entropy_in_the_port_spreads_within_the_sampling_error(encap: Encap) -> None:
    """14 bits of port for 10 000 flows: binomial loads, four standard deviations."""
    loads = one(encap, Switch.OUTER).loads
    bound = 4 * math.sqrt(10_000 / 8 * 7 / 8 * 2)  # flows that share a port move together: at most twice the variance
    assert all(abs(load - 1250) < bound for load in loads)


@pytest.mark.parametrize("encap", [Encap.GRE, Encap.NVGRE])
def test_gre_goes_over_one_link_where_only_the_outer_headers_count(encap: Encap) -> None:
    found = one(encap, Switch.OUTER)
    assert (found.distinct, found.idle, found.max_mean, found.entropy) == (1, 7, 8.0, 0.0)


def test_the_flow_id_gives_as_many_values_as_eight_bits_have() -> None:
    assert one(Encap.NVGRE, Switch.GRE_KEY).distinct == 256
    assert one(Encap.GRE, Switch.GRE_KEY).distinct == 1


def test_several_provider_addresses_give_their_square() -> None:
    assert one(Encap.NVGRE, Switch.OUTER, addresses=4).distinct == 16


@pytest.mark.parametrize("encap", list(Encap))
def test_who_sees_the_inner_headers_or_the_label_tells_all_flows_apart(encap: Encap) -> None:
    assert one(encap, Switch.INNER).distinct == 10_000
    assert one(encap, Switch.FLOW_LABEL).distinct > 9_900


def test_loads_are_in_the_unit_of_the_weights() -> None:
    found = spread(FLOWS, 4, FLOWS.octets, Encap.VXLAN, Switch.OUTER, 1, 1)
    assert sum(found.loads) == 10_000_000


def test_all_that_differs_is_shown_once() -> None:
    found = [(item.encap, item.switch, item.addresses) for item in spreads(FLOWS, 4, ONES)]
    assert len(found) == len(set(found)) == 18


def test_one_link_has_everything_and_no_flows_are_no_trouble() -> None:
    assert one(Encap.VXLAN, Switch.OUTER, 1).entropy == 1.0
    nothing = np.empty(0, np.uint64)
    none = Flows(nothing, nothing, nothing, np.empty(0, np.int64), np.empty(0, np.int64))
    assert all(item.loads == (0,) * 4 and item.entropy == 0.0 for item in spreads(none, 4, none.packets))


def table_of(packets: list[bytes], tmp_path) -> FlowTable:  # type: ignore[no-untyped-def]
    path = tmp_path / "capture"
    path.write_bytes(pcap(timed(packets)))
    table = FlowTable()
    with open_capture(path) as capture:
        for block, columns in capture.columns(1):
            table.add(block, columns)
    return table


def test_flows_of_a_capture_have_wefts_own_hash(tmp_path) -> None:  # type: ignore[no-untyped-def]
    inner = [frame(*ip(6, tcp(1000 + n, 80))) for n in range(20)]
    wrapped = [frame(*ip(17, udp(50000, 4789, VxlanGbp(5).pack() + packet), VTEPS)) for packet in inner]
    bare = [frame(*ip(47, Gre(0x0800).pack() + packet[14:], VTEPS)) for packet in inner]
    for packets in (inner, wrapped, bare):
        flows = table_of(packets * 3, tmp_path).flows()
        assert sorted(flows.hash.tolist()) == sorted(map(flowhash.flow_hash, inner))
        assert flows.packets.tolist() == [3] * 20
        assert sorted(flows.octets.tolist()) == sorted(3 * len(packet) for packet in packets)


def test_the_same_capture_spreads_the_same_every_time(tmp_path) -> None:  # type: ignore[no-untyped-def]
    first, second = (table_of(seeds(1), tmp_path).flows() for _ in range(2))
    for item, again in zip(spreads(first, 4, first.packets), spreads(second, 4, second.packets), strict=True):
        assert item == again


def test_bars_are_as_high_as_the_loads() -> None:
    assert bars([0, 1, 50, 100]) == ".▁▄█"
    assert bars([0, 1, 50, 100], unicode=False) == ".148"
    assert bars([]) == ""
    assert bars([0, 0]) == ".."


def test_the_picture_has_a_bar_for_every_link_and_escapes_its_texts() -> None:
    text = svg("<a & b>", [("x < y", [1, 2, 3]), ("none", [])])
    assert text.count("steelblue") == 3
    assert "&lt;a &amp; b&gt;" in text
    assert text.startswith("<svg ")
