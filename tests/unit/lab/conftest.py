"""Fabrics to plan."""

from __future__ import annotations

from importlib.resources import files

import pytest

from weft.config import load_fabric
from weft.config.tree import FabricConfig

STATIC = """
version: 1
kind: fabric
name: st
defaults: {mtu: 1500, overlay: {control: static}, loopbacks: 192.0.2.0/24}
nodes:
  s1: {group: spine}
  l1: {group: leaf}
  l2: {group: leaf}
  l3: {group: leaf}
  h1: {group: host, address: [10.0.0.1/24], mac: "02:00:00:00:00:10"}
  h2: {group: host, address: [10.0.0.2/24]}
  h3: {group: host}
links:
  - endpoints: ["l*", "s1"]
  - {endpoints: ["h1:eth0", "l1:swp1"], network: web}
  - {endpoints: ["h2:eth0", "l2:swp1"], network: web}
  - {endpoints: ["h3:eth0", "l3:swp1"], network: db}
tenants:
  t:
    networks:
      web: {vni: 100, learn: false, ageing: 60}
      db: {vni: 200, mtu: 1300}
"""


@pytest.fixture
def demo() -> FabricConfig:
    """The packaged demo: 2 spines, 3 leaves, 5 hosts, EVPN."""
    return load_fabric((files("weft.lab") / "demo.weft.yaml").read_text(), "demo.weft.yaml").config


@pytest.fixture
def static() -> FabricConfig:
    """1 spine, 3 leaves, 3 hosts, statically configured remotes."""
    return load_fabric(STATIC, "static.weft.yaml").config
