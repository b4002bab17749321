"""weft: an overlay network for Linux hosts. ARCHITECTURE.md is the map of this package."""

__version__ = "0.1.0"
