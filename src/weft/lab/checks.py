"""What a lab needs of the machine, asked before anything is built."""

from __future__ import annotations

from pathlib import Path

from weft.host import bpf, netns
from weft.host.links import End, links_of
from weft.lab.plan import LabPlan, derived_mac
from weft.values import PermissionMissing, Unavailable

_CAPABILITIES = {12: "CAP_NET_ADMIN", 13: "CAP_NET_RAW", 21: "CAP_SYS_ADMIN"}


def require_lab_support(lab: LabPlan) -> None:
    """Raise PermissionMissing or Unavailable, saying what is missing and what to do."""
    require_capabilities(f"weft lab up {lab.name}")
    if not Path("/proc/sys/net/ipv6").is_dir():
        raise Unavailable("this kernel runs without IPv6, which a lab's underlay needs: boot without ipv6.disable=1")
    _require_veth()
    if any("vtep" in (node.host_file or {}) for node in lab.nodes):
        _require_bpf()


def require_capabilities(command: str) -> None:
    """Raise PermissionMissing unless this process may make and enter network namespaces."""
    status = Path("/proc/self/status").read_text()
    held = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    missing = [name for bit, name in _CAPABILITIES.items() if not held >> bit & 1]
    if missing:
        raise PermissionMissing(
            f"{command} works in network namespaces and lacks {', '.join(missing)}: run it as root (sudo {command})"
        )


def _require_veth() -> None:
    ends = [End("", name, derived_mac(name), 1500) for name in ("weft0", "weft1")]
    with netns.scratch(), links_of() as links:
        try:
            links.add_veth(*ends)
        except PermissionMissing:
            raise
        except Unavailable as error:
            raise Unavailable(f"this kernel makes no veth pairs (needs CONFIG_VETH): {error}") from None


def _require_bpf() -> None:
    try:
        bpf.check_permission()
    except Unavailable as error:
        # The capabilities for namespaces are there, so being root is not what is missing.
        raise Unavailable(f"the leaves' data path is eBPF: {error} (in a container: --privileged)") from None
