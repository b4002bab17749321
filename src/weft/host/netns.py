"""Named network namespaces: make, remove, list, enter, and set the sysctls of one.

A namespace keeps its name by a bind mount below /run/netns, so `ip netns` sees what weft makes and weft what
`ip netns` makes. Entering is setns(2) on the calling thread only; the mount namespace stays (`ip netns exec`
swaps /sys and so hides the bpffs that pins live on). No program is run for any of it.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from weft.values import PermissionMissing, Unavailable, WeftError

NETNS_DIR = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED = 0x1000, 0x4000, 0x100000
_MNT_DETACH = 2
# Of the thread, not of the process: setns and unshare move one thread only.
_OWN = "/proc/thread-self/ns/net"


def names() -> list[str]:
    """The names in use, sorted, with those that a killed run left before it mounted their namespace."""
    try:
        return sorted(entry.name for entry in NETNS_DIR.iterdir())
    except FileNotFoundError:
        return []


def exists(name: str) -> bool:
    """Whether a usable namespace of this name exists: a leftover file without its mount does not count."""
    path = NETNS_DIR / name
    try:
        return path.stat().st_dev == Path(_OWN).stat().st_dev
    except OSError:
        return False


def create(name: str) -> None:
    """Make a named namespace. Raises PermissionMissing, Unavailable, or WeftError if it is taken."""
    _share_directory()
    path = NETNS_DIR / name
    try:
        path.touch(mode=0o444, exist_ok=False)
    except FileExistsError:
        raise WeftError(f"network namespace {name} exists already") from None
    try:
        with scratch():
            _mount(_OWN, path, _MS_BIND)
    except BaseException:
        path.unlink()
        raise


def delete(name: str) -> None:
    """Remove a name; the kernel ends the namespace once no process is inside. Idempotent."""
    path = NETNS_DIR / name
    if exists(name):
        _call("umount2", str(path).encode(), _MNT_DETACH)
    path.unlink(missing_ok=True)


@contextmanager
def opened(name: str) -> Iterator[int]:
    """A descriptor of the namespace, for setns and for netlink. Raises Unavailable if there is none."""
    if not exists(name):
        raise Unavailable(f"there is no network namespace {name}")
    descriptor = os.open(NETNS_DIR / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def enter(name: str) -> None:
    """Move the calling thread into the namespace for good, as before an exec."""
    with opened(name) as descriptor:
        _call("setns", descriptor, _CLONE_NEWNET)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Be in the namespace for a while. Sockets opened and processes started meanwhile stay in it."""
    with _returning():
        enter(name)
        yield


@contextmanager
def scratch() -> Iterator[None]:
    """Be in a new namespace without a name, which ends with the block unless something holds it."""
    with _returning():
        _call("unshare", _CLONE_NEWNET)
        yield


def set_sysctls(settings: Mapping[str, str]) -> None:
    """Write sysctls (keys as `net/ipv4/ip_forward`) of the current namespace. Raises Unavailable."""
    for key, value in settings.items():
        path = Path("/proc/sys", key)
        try:
            path.write_text(value)
        except PermissionError:
            raise PermissionMissing(f"may not write sysctl {key}: run as root") from None
        except OSError as error:
            raise Unavailable(f"sysctl {key} cannot be set to {value}: {error.strerror}") from None


@contextmanager
def _returning() -> Iterator[None]:
    home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        try:
            _call("setns", home, _CLONE_NEWNET)
        finally:
            os.close(home)


def _share_directory() -> None:
    """Make /run/netns a shared mount, as `ip netns add` does.

    Without it a service with a mount namespace of its own keeps a copy of every name, and what is deleted
    here lives on there.
    """
    try:
        NETNS_DIR.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        raise PermissionMissing(f"may not make {NETNS_DIR}: run as root") from None
    with suppress(Unavailable):
        _mount("none", NETNS_DIR, _MS_SHARED | _MS_REC)
        return
    _mount(str(NETNS_DIR), NETNS_DIR, _MS_BIND | _MS_REC)
    _mount("none", NETNS_DIR, _MS_SHARED | _MS_REC)


def _mount(source: str, target: Path, flags: int) -> None:
    _call("mount", source.encode(), str(target).encode(), b"none", flags, None)


def _call(function: str, *arguments: object) -> None:
    """Call libc: Python has setns and unshare from 3.12 only, and mount nowhere."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, function)(*arguments) == 0:
        return
    number = ctypes.get_errno()
    if number in (errno.EPERM, errno.EACCES):
        raise PermissionMissing(f"{function} is not permitted: network namespaces need CAP_SYS_ADMIN, run as root")
    raise Unavailable(f"{function} failed: {os.strerror(number)} (does this kernel have CONFIG_NET_NS?)")
