"""Labs with names of their own, which end with the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weft.config import load_fabric
from weft.config.tree import FabricConfig
from weft.lab import build, state, weave
from weft.lab.plan import LabPlan, plan


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WEFT_RUN", str(tmp_path))
    return tmp_path


@pytest.fixture
def fabric() -> Iterator[Callable[..., FabricConfig]]:
    """Makes a fabric of some text and a lab name that no other test run has; the lab is taken down at the end."""
    names = []

    def make(text: str, suffix: str = "") -> FabricConfig:
        name = f"t{os.getpid()}{suffix}"
        names.append(name)
        return load_fabric(f"version: 1\nkind: fabric\nname: {name}\n{text}", "test.weft.yaml").config

    yield make
    for name in names:
        weave.down(name)


@pytest.fixture
def built() -> Callable[[FabricConfig], tuple[LabPlan, set[str]]]:
    """Builds namespaces, cables and underlay, without agents. Returns the plan and the nodes that were touched."""

    def make(config: FabricConfig) -> tuple[LabPlan, set[str]]:
        lab = plan(config)
        old = state.recorded(lab.name)
        if old is not None:
            build.remove_outdated(old, lab)
        state.record(lab)
        with build.opened(lab) as bench:
            bench.lay_cables()
            bench.address()
            return lab, bench.touched

    return make
