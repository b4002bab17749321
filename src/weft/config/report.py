"""Collects issues that concern more than one value, with their places."""

from __future__ import annotations

from weft.config.errors import ConfigIssue
from weft.config.yaml12 import Document, Path


class Report:
    """The issues found so far in one document.

    `partial`: values with errors of their own were taken out before, so what seems absent may just be wrong.
    """

    def __init__(self, document: Document, issues: list[ConfigIssue]) -> None:
        self._document = document
        self.issues = issues
        self._partial = bool(issues)

    def clash(self, path: Path, message: str, hint: str = "") -> None:
        """Two values that do not go together; `path` leads to the later one."""
        self.issues.append(self._document.issue(path, message, hint))

    def absent(self, path: Path, message: str, hint: str = "") -> None:
        """Something that a value at `path` needs is not in the file."""
        if not self._partial:
            self.issues.append(self._document.issue(path, message, hint))

    def line(self, path: Path) -> int:
        """The line of `path`, to point at from another place."""
        return self._document.spot(path).key_line
