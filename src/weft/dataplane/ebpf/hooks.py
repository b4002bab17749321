"""Attaching programs to interfaces, and keeping them attached when the agent dies.

TCX links (kernel 6.6 and later) are pinned on a bpffs, so forwarding survives the agent. On older kernels programs
are clsact filters, which outlive the agent by themselves. Either way a successor finds what is attached, leaves it
alone while it collects its rows, and then swaps the program on each interface between two packets.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from weft.host import bpf, clsact

log = logging.getLogger("weft.ebpf")


def supports_tcx(program: int) -> bool:
    """Whether this kernel knows TCX links: it refuses interface 0 only after it has understood the request."""
    try:
        os.close(bpf.attach_tcx(program, 0))
    except OSError as error:
        return error.errno == errno.ENODEV
    return True


class Hooks(ABC):
    """Which program ought to be on which interface. `adopted`: an earlier agent's programs forward until `activate`.

    Subclasses put a program on an interface (in place of one that is there), take it off, or let go of it.
    """

    def __init__(self, found: set[int]) -> None:
        self._attached = found
        self._wanted: dict[int, int] = {}
        self.adopted = bool(found)

    def attach(self, ifindex: int, program: int) -> None:
        """Put `program` on the interface's ingress; nothing happens if it is there. Raises OSError."""
        if self._wanted.get(ifindex) == program:
            return
        if not self.adopted:
            self._put(ifindex, program)
            self._attached.add(ifindex)
        self._wanted[ifindex] = program

    def detach(self, ifindex: int) -> None:
        self._wanted.pop(ifindex, None)
        if not self.adopted:
            self._drop(ifindex)

    def activate(self) -> dict[int, OSError]:
        """Replace what was found where a program is wanted, remove it elsewhere. Returns the interfaces that failed."""
        self.adopted = False
        failed = {}
        for ifindex in [ifindex for ifindex in self._attached if ifindex not in self._wanted]:
            self._drop(ifindex)
        for ifindex, program in list(self._wanted.items()):
            try:
                self._put(ifindex, program)
                self._attached.add(ifindex)
            except OSError as error:
                self._drop(ifindex)
                del self._wanted[ifindex]
                failed[ifindex] = error
        return failed

    def close(self, keep: bool) -> None:
        for ifindex in list(self._attached):
            if keep:
                self._let_go(ifindex)
            else:
                self._drop(ifindex)

    def _drop(self, ifindex: int) -> None:
        if ifindex in self._attached:
            self._attached.discard(ifindex)
            try:
                self._take_off(ifindex)
            except OSError as error:
                log.warning("the program on interface %d could not be taken off: %s", ifindex, error.strerror)

    @abstractmethod
    def _put(self, ifindex: int, program: int) -> None: ...

    @abstractmethod
    def _take_off(self, ifindex: int) -> None: ...

    @abstractmethod
    def _let_go(self, ifindex: int) -> None: ...


class TcxHooks(Hooks):
    """TCX links; `pins` is a directory on a bpffs, or None: nothing outlives the process."""

    def __init__(self, pins: Path | None) -> None:
        self._pins = pins
        self._links: dict[int, int] = {}
        if pins is not None:
            for path in pins.glob("link-*"):
                self._links[int(path.name.removeprefix("link-"))] = bpf.open_pin(path)
        super().__init__(set(self._links))

    def _put(self, ifindex: int, program: int) -> None:
        link = self._links.get(ifindex)
        if link is not None:
            try:
                bpf.replace_program(link, program)
            except OSError as error:
                if error.errno != errno.ENOLINK:  # the interface went away and its index was used again
                    raise
                self._take_off(ifindex)
                link = None
        if link is None:
            link = bpf.attach_tcx(program, ifindex)
            self._links[ifindex] = link
            if self._pins is not None:
                bpf.pin(link, self._pins / f"link-{ifindex}")

    def _take_off(self, ifindex: int) -> None:
        link = self._links.pop(ifindex, None)
        if link is not None:
            with suppress(OSError):  # the interface is gone, and with it what was attached
                bpf.detach(link)
            os.close(link)
        if self._pins is not None:
            (self._pins / f"link-{ifindex}").unlink(missing_ok=True)

    def _let_go(self, ifindex: int) -> None:
        os.close(self._links.pop(ifindex))


class ClsactHooks(Hooks):
    """clsact filters, for kernels before 6.6."""

    def __init__(self) -> None:
        super().__init__({index for index, _ in socket.if_nameindex() if clsact.is_attached(index)})

    def _put(self, ifindex: int, program: int) -> None:
        clsact.attach(ifindex, program)

    def _take_off(self, ifindex: int) -> None:
        clsact.detach(ifindex)

    def _let_go(self, ifindex: int) -> None:
        """A filter needs nobody to hold it."""
