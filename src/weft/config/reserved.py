"""The one table of keys that are accepted but whose feature is not built yet, and the notice about them.

Reserved keys are taken out of the document before the models see it. An entry `key: value` reserves one value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from weft.config.errors import printable
from weft.config.yaml12 import Document, Path, part_of, path_text


class Scope(Struct, frozen=True):
    """Reserved keys of one kind of mapping. In `path`, `*` stands for every key or item."""

    path: tuple[str, ...]
    keys: tuple[str, ...]
    owner: str = ""
    """What the mapping is called in the notice, for keys that exist elsewhere with another meaning."""
    leaves_out: frozenset[str] = frozenset()
    """Keys without which the mapping would do something else than meant: it is left out of the tree."""


RESERVED = (
    Scope(("tenants", "*"), ("l3vni", "irb", "import", "routes", "dhcp-relay")),
    Scope(("tenants", "*"), ("rd", "route-targets", "bgp"), owner="tenant"),
    Scope(
        ("tenants", "*", "networks", "*"),
        (
            *("gateway", "suppress-arp", "group", "stitch", "bum-limits", "outer", "gre", "mac-limit"),
            "local-vlan",
        ),
        leaves_out=frozenset(("stitch",)),
    ),
    # A port whose VLAN is not honoured would carry its tagged frames into an untagged network.
    Scope(
        ("tenants", "*", "networks", "*", "ports", "*"),
        ("vlan", "qinq", "allowed", "storm", "ethernet-segment"),
        leaves_out=frozenset(("vlan", "qinq")),
    ),
    Scope(("tenants", "*", "networks", "*", "ports", "*"), ("mac-limit",), owner="port"),
    Scope(
        ("bgp", "neighbors", "*"),
        (
            *("password-file", "ttl-security", "bfd", "graceful-restart", "max-prefix"),
            *("allowas-in", "as-override", "families"),
        ),
    ),
    Scope(("nodes", "*"), ("config",), owner="node"),
    Scope(("bgp",), ("dynamic",)),
    Scope(("vtep",), ("flood: multicast", "allow-inner-vlan", "ovs")),
    Scope(("vtep", "udp-ports"), ("geneve", "stt")),
    Scope(("defaults", "overlay"), ("flood: multicast", "anycast-mac")),
    Scope(("agent",), ("listen", "metrics")),
    Scope((), ("tunnels",)),
)


def reserved_keys(path: Path) -> list[str]:
    """The reserved keys of the mapping at `path`."""
    scopes = [scope for scope in RESERVED if _covers(scope.path, path)]
    return [key.partition(":")[0] for scope in scopes for key in scope.keys]


def take(document: Document) -> tuple[str, ...]:
    """Take reserved keys, and what depends on them, out of the document. Returns at most one notice."""
    found: Counter[str] = Counter()
    left_out: dict[Path, str] = {}
    removed: list[Path] = []
    for scope in RESERVED:
        for path in _places(document.value, scope.path, ()):
            for key in _present(document.value, path, scope.keys):
                found[_label(scope, key)] += 1
                removed.append((*path, key.partition(":")[0]))
                if key in scope.leaves_out:
                    left_out.setdefault(path, key)
    if not found:
        return ()
    keys = ", ".join(f"{key} ({count}x)" if count > 1 else key for key, count in found.items())
    notice = f"notice: {document.file}: accepted, not built yet: {keys}"
    if left_out:
        notice += "; left out: " + ", ".join(f"{_named(document, p)} ({key})" for p, key in left_out.items())
    for path in removed:
        document.remove(path)
    for path in sorted(left_out, key=_last_first, reverse=True):
        document.remove(path)
    return (notice,)


def _covers(pattern: tuple[str, ...], path: Path) -> bool:
    return len(pattern) == len(path) and all(a in ("*", b) for a, b in zip(pattern, path, strict=True))


def _at(value: object, path: Path) -> object:
    for step in path:
        value = part_of(value, step)
    return value


def _places(value: object, pattern: tuple[str, ...], path: Path) -> Iterator[Path]:
    """The paths of `value` that match the pattern."""
    if not pattern:
        yield path
        return
    step, rest = pattern[0], pattern[1:]
    if step != "*":
        if isinstance(value, dict) and step in value:
            yield from _places(value[step], rest, (*path, step))
    elif isinstance(value, dict):
        for key in value:
            yield from _places(value[key], rest, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, rest, (*path, index))


def _present(value: object, path: Path, keys: tuple[str, ...]) -> Iterator[str]:
    mapping = _at(value, path)
    if not isinstance(mapping, dict):
        return
    for entry in keys:
        key, _, only = entry.partition(": ")
        if key in mapping and (not only or mapping[key] == only):
            yield entry


def _label(scope: Scope, key: str) -> str:
    if scope.owner:
        return f"{scope.owner} {key}"
    return key if "*" in scope.path else path_text((*scope.path, key))


def _named(document: Document, path: Path) -> str:
    """`port eth1 of red-web`, or `network legacy`: for a person."""
    if path[-2] != "ports":
        return f"network {printable(str(path[-1]))}"
    port = _at(document.value, path)
    name = port.get("name") if isinstance(port, dict) else None
    return printable(f"port {name or path[-1]} of {path[3]}")


def _last_first(path: Path) -> tuple[int, int]:
    """Sorts items of lists by index, so that removing from the end leaves the others in place."""
    return len(path), path[-1] if isinstance(path[-1], int) else 0
