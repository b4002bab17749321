"""Attaching programs to interfaces, and keeping them attached when the agent dies.

TCX links (kernel 6.6 and later) are pinned on a bpffs, so forwarding survives the agent. A successor finds the
pins and, when its own rows are complete, swaps the program inside each link between two packets.
On older kernels programs are clsact filters, which outlive the agent by themselves; a successor replaces them.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from weft.host import bpf, clsact


class Hooks(Protocol):
    """Where programs sit. `adopted`: an earlier agent's programs were found and forward until `activate`."""

    adopted: bool

    def attach(self, ifindex: int, program: int) -> None: ...
    def detach(self, ifindex: int) -> None: ...
    def activate(self) -> None: ...
    def close(self, keep: bool) -> None: ...


def supports_tcx(program: int) -> bool:
    """Whether this kernel knows TCX links: it refuses interface 0 only after it has understood the request."""
    try:
        os.close(bpf.attach_tcx(program, 0))
    except OSError as error:
        return error.errno == errno.ENODEV
    return True


class TcxHooks:
    """TCX links; `pins` is a directory on a bpffs, or None: nothing outlives the process."""

    def __init__(self, pins: Path | None) -> None:
        self._pins = pins
        self._links: dict[int, int] = {}
        self._wanted: dict[int, int] = {}
        if pins is not None:
            for path in pins.glob("link-*"):
                self._links[int(path.name.removeprefix("link-"))] = bpf.open_pin(path)
        self.adopted = bool(self._links)

    def attach(self, ifindex: int, program: int) -> None:
        """Put `program` on the interface's ingress; nothing happens if it is there. Raises OSError."""
        if self._wanted.get(ifindex) == program:
            return
        self._wanted[ifindex] = program
        if not self.adopted:
            self._put(ifindex, program)

    def _put(self, ifindex: int, program: int) -> None:
        link = self._links.get(ifindex)
        if link is not None:
            try:
                bpf.replace_program(link, program)
            except OSError as error:
                if error.errno != errno.ENOLINK:  # the interface went away and its index was used again
                    raise
                self._drop(ifindex)
                link = None
        if link is None:
            link = bpf.attach_tcx(program, ifindex)
            self._links[ifindex] = link
            if self._pins is not None:
                bpf.pin(link, self._pins / f"link-{ifindex}")

    def detach(self, ifindex: int) -> None:
        self._wanted.pop(ifindex, None)
        if not self.adopted:
            self._drop(ifindex)

    def _drop(self, ifindex: int) -> None:
        link = self._links.pop(ifindex, None)
        if link is not None:
            with suppress(OSError):  # the interface is gone, and with it what was attached
                bpf.detach(link)
            os.close(link)
        if self._pins is not None:
            (self._pins / f"link-{ifindex}").unlink(missing_ok=True)

    def activate(self) -> None:
        """Take over from the earlier agent: its programs are replaced where wanted and removed elsewhere."""
        if not self.adopted:
            return
        self.adopted = False
        for ifindex in [ifindex for ifindex in self._links if ifindex not in self._wanted]:
            self._drop(ifindex)
        for ifindex, program in self._wanted.items():
            self._put(ifindex, program)

    def close(self, keep: bool) -> None:
        for ifindex in list(self._links):
            if keep and self._pins is not None:
                os.close(self._links.pop(ifindex))
            else:
                self._drop(ifindex)


class ClsactHooks:
    """clsact filters, for kernels before 6.6."""

    def __init__(self) -> None:
        self._attached: dict[int, int] = {}
        self.adopted = False

    def attach(self, ifindex: int, program: int) -> None:
        if self._attached.get(ifindex) != program:
            clsact.attach(ifindex, program)
            self._attached[ifindex] = program

    def detach(self, ifindex: int) -> None:
        if self._attached.pop(ifindex, None) is not None:
            clsact.detach(ifindex)

    def activate(self) -> None:
        """Filters are in force as soon as they are attached."""

    def close(self, keep: bool) -> None:
        for ifindex in list(self._attached):
            if keep:
                self._attached.pop(ifindex)
            else:
                self.detach(ifindex)
