"""What every test module shares."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say why a test cannot run here instead of failing obscurely; `./run test` runs as root, where all do."""
    skip_root = pytest.mark.skip(reason="needs root: network namespaces and eBPF")
    skip_long = pytest.mark.skip(reason="runs in ./run long (WEFT_LONG=1)")
    for item in items:
        if "root" in item.keywords and os.geteuid() != 0:
            item.add_marker(skip_root)
        if "long" in item.keywords and not os.environ.get("WEFT_LONG"):
            item.add_marker(skip_long)
