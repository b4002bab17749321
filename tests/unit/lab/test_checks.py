"""What is missing is said before anything is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from weft.config.tree import FabricConfig
from weft.lab.checks import require_lab_support
from weft.lab.plan import plan

# Gives up every privilege after the imports, for the checkout may not be readable to others.
UNPRIVILEGED = """
import os
from weft.lab.checks import require_capabilities
from weft.values import PermissionMissing
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try: require_capabilities("weft lab up demo")
except PermissionMissing as error: print(error)
"""


@pytest.mark.root
def test_a_machine_that_can_run_labs_passes_and_keeps_nothing(demo: FabricConfig) -> None:
    before = set(Path("/sys/class/net").iterdir())
    require_lab_support(plan(demo))
    assert set(Path("/sys/class/net").iterdir()) == before


@pytest.mark.root
def test_without_privileges_the_missing_ones_and_the_cure_are_named() -> None:
    said = subprocess.run([sys.executable, "-c", UNPRIVILEGED], capture_output=True, text=True, check=True).stdout
    assert "CAP_SYS_ADMIN" in said
    assert "sudo weft lab up demo" in said
