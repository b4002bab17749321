"""What reading a file gives."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

from weft.config.tree import FabricConfig, HostConfig

Config = TypeVar("Config", covariant=True, bound=HostConfig | FabricConfig)


class Loaded(Struct, Generic[Config], frozen=True):
    """A file that is fine. `notices` are complete lines for the user, e.g. on keys that are not built yet."""

    config: Config
    notices: tuple[str, ...]
