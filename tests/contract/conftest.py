from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support.planes import Bench, EbpfBench, FakeBench, ebpf_bench


@pytest.fixture(scope="module")
def shared_ebpf() -> Iterator[EbpfBench]:
    """One for a module: making its devices takes longer than most stories."""
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces and eBPF")
    with ebpf_bench() as made:
        yield made


@pytest.fixture(params=["fake", "ebpf"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each data plane in turn, as if it were new."""
    if request.param == "fake":
        return FakeBench()
    shared: EbpfBench = request.getfixturevalue("shared_ebpf")
    shared.reset()
    return shared
