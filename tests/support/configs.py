"""Configurations for tests, written as a user would."""

from __future__ import annotations

from weft.config import load_host
from weft.config.tree import HostConfig


def evpn_host(address: str = "192.0.2.1", networks: str = "red: {vni: 5001}, blue: {vni: 5002}") -> HostConfig:
    """A VTEP with EVPN networks; `networks` is the inside of a YAML mapping."""
    return load_host(
        f"""
version: 1
kind: host
name: test
underlay: {{interfaces: [eth0], address: {address}}}
vtep: {{dataplane: fake, control: evpn}}
bgp: {{asn: 65000, listen: false, neighbors: [{{peer: 192.0.2.99, remote-as: internal}}]}}
tenants: {{lab: {{networks: {{{networks}}}}}}}
""",
        "test.weft.yaml",
    ).config


def static_host(networks: str) -> HostConfig:
    """A VTEP whose networks have stated remotes."""
    return load_host(
        f"""
version: 1
kind: host
name: test
underlay: {{interfaces: [eth0], address: 192.0.2.1, allowed-sources: [198.51.100.0/24]}}
vtep: {{dataplane: fake, control: static}}
tenants: {{lab: {{networks: {{{networks}}}}}}}
""",
        "test.weft.yaml",
    ).config
