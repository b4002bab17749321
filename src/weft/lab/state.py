"""Where labs are kept: `/run/weft/labs/LAB/` with the plan of what was built and one directory per node.

The plan is written before anything is built, so that whatever a killed run leaves can be repaired or removed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from weft.lab.plan import LabPlan
from weft.values import PermissionMissing, WeftError

_PLAN = ".plan.json"  # node names start with a letter or digit: no node takes it
_MNT_DETACH = 2


def labs_dir() -> Path:
    """Below `/run/weft`, which the environment variable WEFT_RUN moves."""
    return Path(os.environ.get("WEFT_RUN") or "/run/weft").absolute() / "labs"


def node_dir(lab: str, node: str) -> Path:
    """The agent's state directory: host file, socket, log, pid, bpf/."""
    return labs_dir() / lab / node


def node_file(lab: str, node: str) -> Path:
    """The agent's configuration."""
    return node_dir(lab, node) / f"{node}.weft.yaml"


def node_socket(lab: str, node: str) -> Path:
    """Where the agent's API listens."""
    return node_dir(lab, node) / "api.sock"


def labs() -> list[str]:
    """The names of the labs that are up, or were begun, sorted."""
    try:
        return sorted(entry.name for entry in labs_dir().iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []


def record(lab: LabPlan) -> None:
    """Keep the plan of what is about to be built, whole or not at all."""
    directory = labs_dir() / lab.name
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / f"{_PLAN}.new"
    new.write_bytes(msgspec.json.encode(lab))
    new.replace(directory / _PLAN)


def recorded(name: str) -> LabPlan | None:
    """The plan of a lab as it was last built; None if there is no readable one."""
    if name not in labs():
        return None
    try:
        return msgspec.json.decode((labs_dir() / name / _PLAN).read_bytes(), type=LabPlan)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


@contextmanager
def locked() -> Iterator[None]:
    """Only one process at a time builds or removes labs."""
    directory = labs_dir()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        raise PermissionMissing(f"may not use {directory}: run as root, or set WEFT_RUN") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def remove_node_dir(lab: str, node: str) -> None:
    """Remove a node's files and pins. Idempotent."""
    remove_tree(node_dir(lab, node))


def remove_lab_dir(lab: str) -> None:
    """Remove all of a lab's files. Idempotent."""
    remove_tree(labs_dir() / lab)


def remove_tree(path: Path) -> None:
    """Remove a directory with whatever is mounted below it (an agent's bpffs). Idempotent."""
    for mount in _mounts_below(path):
        if ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(mount), _MNT_DETACH) != 0:
            raise WeftError(f"cannot unmount {mount}: {os.strerror(ctypes.get_errno())}")
    if path.exists():
        shutil.rmtree(path)


def _mounts_below(path: Path) -> list[Path]:
    """Mount points below `path`, the deepest first."""
    inside = path.resolve()
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        # Field 5 (proc(5)): the mount point, with blanks, tabs and backslashes as octal escapes.
        point = Path(line.split(" ")[4].encode().decode("unicode_escape"))
        if inside in point.parents:
            found.append(point)
    return sorted(found, key=lambda point: len(point.parts), reverse=True)
