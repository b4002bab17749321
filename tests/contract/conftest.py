from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support.planes import Bench, FakeBench, ebpf_bench


@pytest.fixture(params=["fake", "ebpf"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each data plane in turn."""
    if request.param == "fake":
        yield FakeBench()
        return
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces and eBPF")
    with ebpf_bench() as made:
        yield made
