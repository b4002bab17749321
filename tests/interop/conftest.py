"""Every test here runs against a peer that is not weft's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machines import Machines, machines


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this directory: it needs root and foreign programs."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.root)
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="module")
def world() -> Iterator[Machines]:
    """Machines that live as long as the tests of one file."""
    with machines() as made:
        yield made


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short path: a unix socket's name has at most 107 octets."""
    return tmp_path_factory.mktemp("i")
