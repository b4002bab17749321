"""Text -> typed tree, once. Pure: text and a label for messages go in; who reads files is above.

The readers are loaded on first use: the command line needs the error classes in every call, and the models seldom.
"""

from __future__ import annotations

from weft.config.errors import ConfigError, ConfigIssue, printable
from weft.config.loaded import Loaded
from weft.config.tree import FabricConfig, HostConfig

__all__ = ["ConfigError", "ConfigIssue", "Loaded", "load", "load_fabric", "load_host", "printable"]


def load_host(text: str, label: str) -> Loaded[HostConfig]:
    """Read a `kind: host` file. `label` names it in messages. Raises ConfigError with every issue."""
    from weft.config import loader

    return loader.load_host(text, label)


def load_fabric(text: str, label: str) -> Loaded[FabricConfig]:
    """Read a `kind: fabric` file. `label` names it in messages. Raises ConfigError with every issue."""
    from weft.config import loader

    return loader.load_fabric(text, label)


def load(text: str, label: str) -> Loaded[HostConfig] | Loaded[FabricConfig]:
    """Read a file of either kind, as its `kind` says. Raises ConfigError with every issue."""
    from weft.config import loader

    return loader.load(text, label)
