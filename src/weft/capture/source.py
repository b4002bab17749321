"""Where the octets of a capture come from: a file, a pipe or gzip, all read alike into the reader's own buffer.

Read, not mapped: at 8 MiB a time the copy stays in the processor's cache, costs 4 % of a decode, and a file that
is cut while it is read ends early instead of killing the process (docs/decisions/0010-capture-speed.md).
"""

from __future__ import annotations

import fcntl
import stat
import sys
import zlib
from contextlib import suppress
from io import FileIO
from os import PathLike, fstat
from typing import Protocol

_GZIP_MAGIC = b"\x1f\x8b"
_COMPRESSED_OCTETS = 1 << 18
_PIPE_OCTETS = 1 << 20


class Source(Protocol):
    """`size`: octets of the file on disk, 0 if nobody knows. `consumed`: how many of those have been read."""

    @property
    def size(self) -> int: ...

    @property
    def consumed(self) -> int: ...

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of `buffer`; returns how many octets, 0 at the end. Raises OSError, and BadGzip."""

    def close(self) -> None: ...


class BadGzip(Exception):
    """The compressed stream is broken; what came before it has been delivered."""


class Plain:
    """Octets as they are on disk or come through a pipe. `before`: octets that were already read from it."""

    def __init__(self, file: FileIO, before: bytes = b"") -> None:
        status = fstat(file.fileno())
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        self.consumed = len(before)
        self._file = file
        self._before = before

    def readinto(self, buffer: memoryview) -> int:
        if self._before:
            count = min(len(self._before), len(buffer))
            buffer[:count] = self._before[:count]
            self._before = self._before[count:]
            return count
        count = self._file.readinto(buffer) or 0
        self.consumed += count
        return count

    def close(self) -> None:
        self._file.close()


class Gzip:
    """Members of a gzip stream, unpacked piece by piece so that a small file cannot fill the memory."""

    def __init__(self, inner: Plain) -> None:
        self._inner = inner
        self._input = bytearray(_COMPRESSED_OCTETS)
        self._unpack = zlib.decompressobj(wbits=31)
        self._left = b""
        self._started = False
        self.size = inner.size

    @property
    def consumed(self) -> int:
        return self._inner.consumed

    def readinto(self, buffer: memoryview) -> int:
        while True:
            if self._unpack.eof:
                self._left = self._unpack.unused_data
                self._unpack = zlib.decompressobj(wbits=31)
                self._started = False
            if not self._left:
                count = self._inner.readinto(memoryview(self._input))
                if not count and self._started:
                    raise BadGzip("the gzip stream ends early")
                if not count:
                    return 0
                self._left = bytes(self._input[:count])
            try:
                octets = self._unpack.decompress(self._left, len(buffer))
            except zlib.error as error:
                raise BadGzip(f"the gzip stream is broken: {error}") from None
            self._left = self._unpack.unconsumed_tail
            self._started = True
            if octets:
                buffer[: len(octets)] = octets
                return len(octets)

    def close(self) -> None:
        self._inner.close()


def open_source(name: str | PathLike[str]) -> Source:
    """Open a file, or standard input for `-`; gzip is recognised by its first octets. Raises OSError."""
    file = FileIO(sys.stdin.fileno(), closefd=False) if name == "-" else FileIO(name)
    with suppress(OSError):  # not a pipe
        fcntl.fcntl(file.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_OCTETS)
    before = b""
    while len(before) < len(_GZIP_MAGIC) and (more := file.read(len(_GZIP_MAGIC) - len(before))):
        before += more
    plain = Plain(file, before)
    return Gzip(plain) if before == _GZIP_MAGIC else plain
