"""Rows that follow from the configuration alone, whatever the control plane."""

from __future__ import annotations

from collections.abc import Iterator

from weft.config.tree import HostConfig
from weft.forwarding.rows import AllowedSource, Bridge, LocalAddress, Row, VtepSettings, WireKey


def config_rows(config: HostConfig) -> Iterator[Row]:
    """Settings, bridge tables, own addresses, and the keys this VTEP answers to. Nothing without a VTEP."""
    if config.vtep is None:
        return
    yield VtepSettings(config.vtep.udp_port, config.vtep.strict)
    for address in config.underlay.addresses:
        yield LocalAddress(address)
    for prefix in config.underlay.allowed_sources:
        yield AllowedSource(prefix.network)
    for network in config.networks:
        yield Bridge(network.vni, network.name, network.learn, network.ageing_s)
        keys = {network.vni, *(remote.key for remote in network.remotes)}
        for key in sorted(keys):
            yield WireKey(network.encap, key, network.vni)
