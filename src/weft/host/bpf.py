"""bpf(2), as little of it as weft needs: maps, programs, links, pins, test runs. Numbers are the kernel's UAPI.

Every call raises OSError with the kernel's errno; `load_program` adds the end of the verifier's log.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import struct
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from weft.values import PermissionMissing, Unavailable

_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_MAP_CREATE, _LOOKUP, _UPDATE, _DELETE, _PROG_LOAD, _OBJ_PIN, _OBJ_GET, _TEST_RUN = 0, 1, 2, 3, 5, 6, 7, 10
_LOOKUP_BATCH, _UPDATE_BATCH, _LINK_CREATE, _LINK_UPDATE, _LINK_DETACH = 24, 26, 28, 29, 34
_ATTR_OCTETS = 144
PROG_SCHED_CLS = 3
TCX_INGRESS = 46

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class VerifierError(OSError):
    """The kernel refused a program; the message ends with the last lines of the verifier's log."""


def _bpf(command: int, attributes: bytes) -> bytes:
    """One call; returns the attribute block as the kernel left it, with the result in front (8 octets)."""
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise Unavailable(f"no bpf system call is known for {platform.machine()}")
    block = ctypes.create_string_buffer(attributes.ljust(_ATTR_OCTETS, b"\0"), _ATTR_OCTETS)
    result = _libc.syscall(ctypes.c_long(number), ctypes.c_long(command), block, ctypes.c_long(_ATTR_OCTETS))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return struct.pack("=q", result) + block.raw


def _fd(command: int, attributes: bytes) -> int:
    return int(struct.unpack_from("=q", _bpf(command, attributes))[0])


def _address(buffer: ctypes.Array[ctypes.c_char] | None) -> int:
    return ctypes.addressof(buffer) if buffer is not None else 0


def check_permission() -> None:
    """Try to make the smallest map. Raises PermissionMissing or Unavailable with what to do."""
    try:
        os.close(_fd(_MAP_CREATE, struct.pack("=IIII", 2, 4, 4, 1)))
    except PermissionError:
        raise PermissionMissing(
            "loading eBPF programs needs root (CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN): run this as root"
        ) from None
    except OSError as error:
        raise Unavailable(
            f"this kernel offers no bpf system call ({error.strerror}): Linux 5.15 with CONFIG_BPF_SYSCALL does"
        ) from None


def possible_cpus() -> int:
    """How many values a per-CPU map entry has."""
    text = Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(text.rpartition("-")[2].rpartition(",")[2]) + 1


class Map:
    """A map by its descriptor. Keys and values are octets of the map's sizes."""

    def __init__(self, fd: int, key_octets: int, value_octets: int, entries: int) -> None:
        self.fd = fd
        self.key_octets = key_octets
        self.value_octets = value_octets
        self.entries = entries

    @classmethod
    def create(
        cls, name: str, kind: int, key_octets: int, value_octets: int, entries: int, flags: int, per_cpu: bool = False
    ) -> Map:
        attributes = struct.pack(
            "=IIIIIII16s", kind, key_octets, value_octets, entries, flags, 0, 0, name.encode()[:15]
        )
        return cls(_fd(_MAP_CREATE, attributes), key_octets, cls.user_octets(value_octets, per_cpu), entries)

    @staticmethod
    def user_octets(value_octets: int, per_cpu: bool) -> int:
        """Octets of a value as user space sees it: one value, padded to 8, for each possible CPU."""
        return (value_octets + 7 & ~7) * possible_cpus() if per_cpu else value_octets

    def _call(self, command: int, key: bytes, value: ctypes.Array[ctypes.c_char] | None, flags: int = 0) -> None:
        keys = ctypes.create_string_buffer(key, self.key_octets)
        _bpf(command, struct.pack("=IIQQQ", self.fd, 0, _address(keys), _address(value), flags))

    def update(self, key: bytes, value: bytes) -> None:
        self._call(_UPDATE, key, ctypes.create_string_buffer(value, self.value_octets))

    def lookup(self, key: bytes) -> bytes | None:
        value = ctypes.create_string_buffer(self.value_octets)
        try:
            self._call(_LOOKUP, key, value)
        except FileNotFoundError:
            return None
        return value.raw

    def delete(self, key: bytes) -> bool:
        """False if the key was not there."""
        try:
            self._call(_DELETE, key, None)
        except FileNotFoundError:
            return False
        return True

    def update_many(self, keys: bytes, values: bytes) -> None:
        """Write all entries in one call; both arguments are whole entries one behind the other."""
        count = len(keys) // self.key_octets
        if not count:
            return
        key_buffer = ctypes.create_string_buffer(keys, len(keys))
        value_buffer = ctypes.create_string_buffer(values, len(values))
        _bpf(
            _UPDATE_BATCH,
            struct.pack("=QQQQIIQQ", 0, 0, _address(key_buffer), _address(value_buffer), count, self.fd, 0, 0),
        )

    def items(self, batch: int = 4096) -> Iterator[tuple[bytes, bytes]]:
        """Every entry of a hash map, read in batches. Entries written meanwhile may or may not be seen."""
        keys = ctypes.create_string_buffer(self.key_octets * batch)
        values = ctypes.create_string_buffer(self.value_octets * batch)
        cursor = ctypes.create_string_buffer(max(self.key_octets, 8))
        first = True
        while True:
            attributes = struct.pack(
                "=QQQQIIQQ",
                0 if first else _address(cursor),
                _address(cursor),
                _address(keys),
                _address(values),
                batch,
                self.fd,
                0,
                0,
            )
            count, more = self._read_batch(attributes, batch)
            for index in range(count):
                key_at, value_at = index * self.key_octets, index * self.value_octets
                yield keys.raw[key_at : key_at + self.key_octets], values.raw[value_at : value_at + self.value_octets]
            if not more:
                return
            first = False

    def _read_batch(self, attributes: bytes, batch: int) -> tuple[int, bool]:
        """How many entries were read, and whether there are more: the last batch ends with ENOENT."""
        block = ctypes.create_string_buffer(attributes.ljust(_ATTR_OCTETS, b"\0"), _ATTR_OCTETS)
        number = ctypes.c_long(_SYSCALL[platform.machine()])
        result = _libc.syscall(number, ctypes.c_long(_LOOKUP_BATCH), block, ctypes.c_long(_ATTR_OCTETS))
        code = ctypes.get_errno() if result < 0 else 0
        if code not in (0, 2):
            raise OSError(code, os.strerror(code))
        return struct.unpack_from("=I", block.raw, 32)[0], code == 0

    def close(self) -> None:
        os.close(self.fd)


def load_program(name: str, code: bytes, licence: str) -> int:
    """Load a tc program; returns its descriptor. Raises VerifierError or OSError."""
    instructions = ctypes.create_string_buffer(code, len(code))
    text = ctypes.create_string_buffer(licence.encode())

    def attempt(log: ctypes.Array[ctypes.c_char] | None) -> int:
        attributes = struct.pack(
            "=IIQQIIQII16s",
            PROG_SCHED_CLS,
            len(code) // 8,
            _address(instructions),
            _address(text),
            1 if log is not None else 0,
            len(log) if log is not None else 0,
            _address(log),
            0,
            0,
            name.encode()[:15],
        )
        return _fd(_PROG_LOAD, attributes)

    try:
        return attempt(None)
    except PermissionError:
        pass  # EPERM, or EACCES: the verifier's refusal, whose log the next attempt brings
    except OSError as error:
        if error.errno not in (7, 22):  # E2BIG, EINVAL are the verifier's too
            raise
    log = ctypes.create_string_buffer(1 << 22)
    try:
        return attempt(log)
    except OSError as error:
        tail = "\n".join(log.value.decode(errors="replace").splitlines()[-25:])
        raise VerifierError(error.errno, f"{name}: {error.strerror}\n{tail}") from None


class ProgramRun(Struct, frozen=True):
    """The outcome of a test run: the action, the octets, the `cb` words, nanoseconds a run."""

    action: int
    data: bytes
    cb: tuple[int, ...]
    duration_ns: int


_SKB_OCTETS = 192
_SKB_INGRESS_IFINDEX, _SKB_IFINDEX, _SKB_CB, _SKB_GSO_SIZE = 36, 40, 48, 176


def run_program(program: int, data: bytes, ifindex: int = 0, repeat: int = 1) -> ProgramRun:
    """BPF_PROG_TEST_RUN of a tc program on one frame, as if it had come in by `ifindex` of this namespace."""
    context = bytearray(_SKB_OCTETS)
    struct.pack_into("=II", context, _SKB_INGRESS_IFINDEX, ifindex, ifindex)
    context_in = ctypes.create_string_buffer(bytes(context), _SKB_OCTETS)
    context_out = ctypes.create_string_buffer(_SKB_OCTETS)
    data_in = ctypes.create_string_buffer(data, len(data))
    data_out = ctypes.create_string_buffer(len(data) + 256)
    attributes = struct.pack(
        "=IIIIQQIIIIQQ",
        program,
        0,
        len(data),
        len(data_out),
        _address(data_in),
        _address(data_out),
        repeat,
        0,
        _SKB_OCTETS,
        _SKB_OCTETS,
        _address(context_in),
        _address(context_out),
    )
    block = _bpf(_TEST_RUN, attributes)[8:]
    action, size, duration = (struct.unpack_from("=I", block, offset)[0] for offset in (4, 12, 36))
    return ProgramRun(action, data_out.raw[:size], struct.unpack_from("=5I", context_out.raw, _SKB_CB), duration)


def attach_tcx(program: int, ifindex: int) -> int:
    """Attach to a device's ingress (kernel 6.6 and later); returns the link, whose last descriptor or pin holds it.

    The interface index is looked up in the calling thread's network namespace.
    """
    return _fd(_LINK_CREATE, struct.pack("=IIII", program, ifindex, TCX_INGRESS, 0))


def replace_program(link: int, program: int) -> None:
    """Put another program into a link, between two packets."""
    _bpf(_LINK_UPDATE, struct.pack("=IIII", link, program, 0, 0))


def detach(link: int) -> None:
    """Take the program off its device now; closing the last descriptor and pin does so some milliseconds later."""
    _bpf(_LINK_DETACH, struct.pack("=I", link))


def pin(fd: int, path: Path) -> None:
    """Give a map, program or link a name on a bpffs."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    _bpf(_OBJ_PIN, struct.pack("=QI", _address(name), fd))


def open_pin(path: Path) -> int:
    """Open what is pinned. Raises FileNotFoundError."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    return _fd(_OBJ_GET, struct.pack("=QI", _address(name), 0))


class RingBuffer:
    """The reading end of a BPF ring buffer. The descriptor is the map's; poll it for readability."""

    def __init__(self, ring: Map) -> None:
        page = mmap.PAGESIZE
        self._mask = ring.entries - 1
        self._consumer = mmap.mmap(ring.fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._data = mmap.mmap(ring.fd, page + 2 * ring.entries, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)

    def read(self, limit: int) -> list[bytes]:
        """Take up to `limit` records, oldest first."""
        position = struct.unpack_from("=Q", self._consumer)[0]
        produced = struct.unpack_from("=Q", self._data)[0]
        records: list[bytes] = []
        while position < produced and len(records) < limit:
            at = mmap.PAGESIZE + (position & self._mask)
            header = struct.unpack_from("=I", self._data, at)[0]
            if header & 0x80000000:  # the producer is still writing it
                break
            octets = header & 0x3FFFFFFF
            if not header & 0x40000000:  # not discarded
                records.append(self._data[at + 8 : at + 8 + octets])
            position += (octets + 8 + 7) & ~7
        struct.pack_into("=Q", self._consumer, 0, position)
        return records

    def close(self) -> None:
        self._consumer.close()
        self._data.close()
