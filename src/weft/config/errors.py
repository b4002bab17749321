"""What is wrong with a configuration file: every issue at once, each with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from weft.values import WeftError

_SNIPPET_COLUMNS = 160
_MESSAGE_CHARACTERS = 400


class ConfigIssue(Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `line` and `column` count from 1; `path` is empty when it concerns the whole file."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source: str = ""
    """The line of the file that the issue points at."""

    def __str__(self) -> str:
        where = f"{printable(self.file)}:{self.line}:{self.column}: error: "
        path = f"{printable(self.path)}: " if self.path else ""
        text = where + path + printable(self.message)[:_MESSAGE_CHARACTERS]
        if self.source:
            text += "\n" + self._snippet()
        return text + (f"\n  {printable(self.hint)[:_MESSAGE_CHARACTERS]}" if self.hint else "")

    def _snippet(self) -> str:
        """The source line with a caret below; a long line is cut to a window around the caret."""
        start = max(0, self.column - _SNIPPET_COLUMNS // 2) if len(self.source) > _SNIPPET_COLUMNS else 0
        window = self.source[start : start + _SNIPPET_COLUMNS]
        line = "".join(c if c.isprintable() else " " for c in window).rstrip()
        return f"{self.line:5} | {line}\n{'':5} | {'':{self.column - 1 - start}}^"


class ConfigError(WeftError):
    """A file that cannot be used. `issues` are in the order of the file; `str(error)` shows all of them."""

    def __init__(self, issues: Iterable[ConfigIssue]) -> None:
        self.issues = tuple(sorted(dict.fromkeys(issues), key=lambda issue: (issue.line, issue.column)))
        super().__init__("\n".join(str(issue) for issue in self.issues))


def printable(text: str) -> str:
    """`text` with control, format and surrogate characters escaped: a stranger's text must not steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
