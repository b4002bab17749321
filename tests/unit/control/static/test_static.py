from __future__ import annotations

from support.configs import static_host
from support.frames import mac
from weft.control import static
from weft.control.local import config_rows
from weft.control.overlay import Overlay
from weft.forwarding.rows import Accept, AllowedSource, Bridge, FloodList, LocalAddress, MacRow, NextHop, WireKey
from weft.forwarding.snapshot import Snapshot
from weft.values import Encap, Ip, Prefix

NETWORKS = """
  learned: {vni: 5001, remotes: [192.0.2.2, {address: 192.0.2.3, key: 7001}]},
  pinned: {vni: 5002, learn: false, remotes: [192.0.2.2], hosts: [{mac: "02:00:00:00:00:09", remote: 192.0.2.2}]}
"""


def rows() -> Snapshot:
    overlay = Overlay(Ip.parse("192.0.2.1"))
    config = static_host(NETWORKS)
    static.configure(config, overlay)
    return Snapshot.of([*overlay.snapshot().rows(), *config_rows(config)])


def test_every_stated_remote_gets_flooded_frames_with_its_key() -> None:
    flood = rows().table(FloodList)[5001]
    assert [(str(m.target.remote), m.target.key) for m in flood.members if m.target] == [
        ("192.0.2.2", 5001),
        ("192.0.2.3", 7001),
    ]


def test_addresses_are_learned_behind_remotes_unless_the_network_says_no() -> None:
    table = rows()
    accepts = {(str(a.remote), a.bridge): a for a in table.table(Accept).values()}
    assert accepts["192.0.2.2", 5002].nexthop == 0
    hop = table.table(NextHop)[accepts["192.0.2.3", 5001].nexthop]
    assert (str(hop.targets[0].remote), hop.targets[0].key) == ("192.0.2.3", 7001)
    assert accepts["192.0.2.3", 5001].wire_key == 7001


def test_a_stated_address_is_pinned() -> None:
    row = rows().table(MacRow)[5002, mac(9)]
    assert row.pinned
    assert rows().table(NextHop)[row.nexthop].targets[0].remote == Ip.parse("192.0.2.2")


def test_what_the_configuration_alone_says() -> None:
    table = rows()
    assert set(table.table(LocalAddress)) == {Ip.parse("192.0.2.1")}
    assert set(table.table(AllowedSource)) == {Prefix.parse("198.51.100.0/24")}
    assert {bridge.name: bridge.learn for bridge in table.table(Bridge).values()} == {"learned": True, "pinned": False}
    assert set(table.table(WireKey)) == {(Encap.VXLAN, key) for key in (5001, 7001, 5002)}
