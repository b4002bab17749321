"""What is kept of a lab, and that it goes away again."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from weft.config.tree import FabricConfig
from weft.lab import state
from weft.lab.plan import plan


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WEFT_RUN", str(tmp_path))
    return tmp_path


def test_a_recorded_plan_is_read_back_whole(demo: FabricConfig) -> None:
    lab = plan(demo)
    state.record(lab)
    assert state.recorded("demo") == lab
    assert state.labs() == ["demo"]


def test_a_lab_that_is_not_there_has_no_plan() -> None:
    assert state.labs() == []
    assert state.recorded("demo") is None


def test_a_name_that_is_a_path_is_no_lab(demo: FabricConfig) -> None:
    state.record(plan(demo))
    assert state.recorded("../labs/demo") is None


def test_a_plan_that_a_killed_run_left_half_written_is_no_plan(demo: FabricConfig, run_dir: Path) -> None:
    state.record(plan(demo))
    file = run_dir / "labs" / "demo" / ".plan.json"
    file.write_bytes(file.read_bytes()[:100])
    assert state.recorded("demo") is None
    assert state.labs() == ["demo"]


def test_removing_a_lab_leaves_the_others(demo: FabricConfig, static: FabricConfig, run_dir: Path) -> None:
    for fabric in (demo, static):
        state.record(plan(fabric))
    (state.node_dir("demo", "leaf1") / "bpf").mkdir(parents=True)
    for _ in range(2):
        state.remove_lab_dir("demo")
    assert state.labs() == ["st"]
    assert [entry.name for entry in (run_dir / "labs").iterdir()] == ["st"]


@pytest.mark.root
def test_what_is_mounted_below_a_node_is_unmounted_first(run_dir: Path) -> None:
    outer = state.node_dir("demo", "leaf1") / "bpf"
    outer.mkdir(parents=True)
    mount = ctypes.CDLL(None, use_errno=True).mount
    assert mount(b"none", str(outer).encode(), b"tmpfs", 0, None) == 0
    inner = outer / "in a name"
    inner.mkdir()
    assert mount(b"none", str(inner).encode(), b"tmpfs", 0, None) == 0
    state.remove_node_dir("demo", "leaf1")
    assert not outer.exists()
    assert str(run_dir) not in Path("/proc/self/mountinfo").read_text()
