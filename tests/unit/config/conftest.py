from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from weft.config import ConfigError, load

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def example() -> Callable[[str], str]:
    """The text of an example file."""
    return lambda name: (EXAMPLES / name).read_text()


@pytest.fixture
def faults() -> Callable[[str], list[str]]:
    """Every issue of a text as `line:column path: message`; each has a hint."""

    def check(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, "f")
        assert all(issue.hint for issue in caught.value.issues)
        return [f"{i.line}:{i.column} {i.path}: {i.message}" for i in caught.value.issues]

    return check
