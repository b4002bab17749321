"""`lab up` where it cannot work says what is missing and what to do, and builds nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weft.host import netns

pytestmark = pytest.mark.root
UP = [sys.executable, "-m", "weft.cli.main", "lab", "up", "demo"]


@pytest.fixture(autouse=True)
def _own_run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_RUN", str(tmp_path / "run"))


def of_the_demo() -> list[str]:
    """Other tests make namespaces at the same time."""
    return [name for name in netns.names() if name.startswith("weft-demo-")]


def refused(*around: str) -> subprocess.CompletedProcess[str]:
    before = of_the_demo()
    result = subprocess.run([*around, *UP], capture_output=True, text=True, check=False)
    assert of_the_demo() == before
    assert "Traceback" not in result.stderr
    return result


def test_without_privileges_the_missing_ones_are_named() -> None:
    result = refused("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    assert result.returncode == 77
    assert "lacks CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN: run it as root" in result.stderr


def test_where_the_kernel_refuses_ebpf_it_says_so() -> None:
    """Root of a user namespace has every capability there, and may not load programs."""
    around = ("unshare", "--user", "--map-root-user", "--net")
    if subprocess.run([*around, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no user namespaces")
    result = refused(*around)
    assert result.returncode == 69
    assert "the leaves' data path is eBPF: loading eBPF programs needs root" in result.stderr
