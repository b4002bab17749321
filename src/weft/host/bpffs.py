"""A BPF file system of one's own, for pins that outlive the process."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from weft.values import Unavailable

_MAGIC = 0xCAFE4A11
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def is_mounted(path: Path) -> bool:
    """Whether `path` lies on a bpffs."""
    buffer = ctypes.create_string_buffer(256)
    if _libc.statfs(os.fsencode(path), buffer):
        return False
    return int.from_bytes(buffer.raw[:8], "little") == _MAGIC


def ensure_mounted(path: Path) -> None:
    """Make the directory (mode 0700) and mount a bpffs there, unless there is one. Raises Unavailable."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_mounted(path):
        return
    if _libc.mount(b"weft", os.fsencode(path), b"bpf", 0, b"mode=0700"):
        reason = os.strerror(ctypes.get_errno())
        raise Unavailable(f"a BPF file system cannot be mounted on {path}: {reason}. Run as root on the host itself")


def unmount(path: Path) -> None:
    """Take the bpffs away, and with it every pin on it; one that is not mounted is fine."""
    if is_mounted(path):
        _libc.umount2(os.fsencode(path), _MNT_DETACH)
