"""tc filters on a clsact qdisc: how programs are attached on kernels without TCX (before 6.6).

Raw rtnetlink, three messages, because the data plane's calls are synchronous and may run inside an event loop.
"""

from __future__ import annotations

import os
import socket
import struct

_NEWQDISC, _NEWFILTER, _DELFILTER, _GETFILTER = 36, 44, 45, 46
_REQUEST_ACK, _CREATE, _EXCL = 0x5, 0x400, 0x200
_CLSACT = 0xFFFFFFF1
_CLSACT_HANDLE = 0xFFFF0000
_INGRESS = 0xFFFFFFF2
_PRIORITY = 49152
_ETH_P_ALL = 0x0300  # network order of 0x0003, as tcm_info holds it
_KIND, _OPTIONS = 1, 2
_BPF_FD, _BPF_NAME, _BPF_FLAGS = 6, 7, 8
_DIRECT_ACTION = 1
_EEXIST = 17
_NLMSG_ERROR = 2


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def _request(kind: int, flags: int, ifindex: int, handle: int, parent: int, info: int, attributes: bytes) -> int:
    """Send one message in this thread's namespace and return the kernel's errno, 0 for success."""
    body = struct.pack("=BxxxiIII", socket.AF_UNSPEC, ifindex, handle, parent, info) + attributes
    message = struct.pack("=IHHII", len(body) + 16, kind, _REQUEST_ACK | flags, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(message)
        answer = netlink.recv(65536)
    is_error = struct.unpack_from("=H", answer, 4)[0] == _NLMSG_ERROR
    return -int(struct.unpack_from("=i", answer, 16)[0]) if is_error else 0


def attach(ifindex: int, program: int) -> None:
    """Put a program on the interface's ingress, in place of one attached before. Raises OSError."""
    code = _request(_NEWQDISC, _CREATE | _EXCL, ifindex, _CLSACT_HANDLE, _CLSACT, 0, _attribute(_KIND, b"clsact\0"))
    if code not in (0, _EEXIST):
        raise OSError(code, os.strerror(code))
    options = (
        _attribute(_BPF_FD, struct.pack("=I", program))
        + _attribute(_BPF_NAME, b"weft\0")
        + _attribute(_BPF_FLAGS, struct.pack("=I", _DIRECT_ACTION))
    )
    attributes = _attribute(_KIND, b"bpf\0") + _attribute(_OPTIONS, options)
    code = _request(_NEWFILTER, _CREATE, ifindex, 1, _INGRESS, _PRIORITY << 16 | _ETH_P_ALL, attributes)
    if code:
        raise OSError(code, os.strerror(code))


def is_attached(ifindex: int) -> bool:
    """Whether there is a filter of ours, of this process or of an earlier one."""
    kind = _attribute(_KIND, b"bpf\0")
    return _request(_GETFILTER, 0, ifindex, 1, _INGRESS, _PRIORITY << 16 | _ETH_P_ALL, kind) == 0


def detach(ifindex: int) -> None:
    """Remove the filter; an interface or filter that is gone is fine."""
    _request(_DELFILTER, 0, ifindex, 1, _INGRESS, _PRIORITY << 16 | _ETH_P_ALL, _attribute(_KIND, b"bpf\0"))
