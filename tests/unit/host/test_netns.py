"""Named namespaces: made, seen, entered, left and removed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.host import netns
from weft.values import Unavailable, WeftError

pytestmark = pytest.mark.root


def own() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


@pytest.fixture
def name() -> Iterator[str]:
    name = f"weft-test-{os.getpid()}"
    yield name
    netns.delete(name)


def test_a_made_namespace_has_a_name_and_is_gone_after_delete(name: str) -> None:
    netns.create(name)
    assert netns.exists(name)
    assert name in netns.names()
    netns.delete(name)
    assert not netns.exists(name)
    assert name not in netns.names()


def test_making_a_namespace_leaves_the_caller_where_it_was(name: str) -> None:
    before = own()
    netns.create(name)
    assert own() == before


def test_a_name_is_given_once(name: str) -> None:
    netns.create(name)
    with pytest.raises(WeftError, match="exists already"):
        netns.create(name)
    assert netns.exists(name)


def test_delete_is_idempotent(name: str) -> None:
    netns.delete(name)
    netns.create(name)
    netns.delete(name)
    netns.delete(name)
    assert name not in netns.names()


def test_a_name_without_a_namespace_does_not_exist_but_can_be_deleted(name: str) -> None:
    netns.create(name)
    netns.delete(name)
    (netns.NETNS_DIR / name).touch()
    assert name in netns.names()
    assert not netns.exists(name)
    netns.delete(name)
    assert name not in netns.names()


def test_entered_is_inside_and_returns_after_an_error(name: str) -> None:
    netns.create(name)
    before, seen = own(), []

    def fail_inside() -> None:
        with netns.entered(name):
            seen.append(own())
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert seen == [(netns.NETNS_DIR / name).stat().st_ino]
    assert own() == before


def test_a_process_started_inside_stays_inside(name: str) -> None:
    netns.create(name)
    code = "import pathlib; print(pathlib.Path('/proc/self/ns/net').stat().st_ino)"
    with netns.entered(name):
        seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(seen) == (netns.NETNS_DIR / name).stat().st_ino


def test_entering_what_is_not_there_says_so() -> None:
    with pytest.raises(Unavailable, match="no network namespace weft-test-none"), netns.entered("weft-test-none"):
        pass


def test_sysctls_are_set_in_the_namespace_only(name: str) -> None:
    netns.create(name)
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    before = forwarding.read_text()
    with netns.entered(name):
        old = forwarding.read_text().strip()
        new = "0" if old == "1" else "1"
        netns.set_sysctls({"net/ipv4/ip_forward": new})
        assert forwarding.read_text().strip() == new
    assert forwarding.read_text() == before


def test_a_sysctl_that_the_kernel_does_not_have_is_named() -> None:
    with netns.scratch(), pytest.raises(Unavailable, match="net/ipv4/no_such_thing"):
        netns.set_sysctls({"net/ipv4/no_such_thing": "1"})
