"""YAML 1.2 text -> plain values, each with its place in the text.

PyYAML resolves scalars by YAML 1.1, which makes integers of `65001:10` and of unquoted MAC addresses. Here its C
parser only supplies events; scalars are resolved by the core schema of YAML 1.2 (section 10.3), less octal,
hexadecimal and leading zeros, which stay text. Bounded in size, depth and number of values, so that anchors
cannot be used to blow up memory.
"""

from __future__ import annotations

import copy
import re

import yaml
from msgspec import Struct

from weft.config.errors import ConfigError, ConfigIssue

MAX_CHARACTERS = 8 << 20
MAX_DEPTH = 32
MAX_VALUES = 200_000

Path = tuple[str | int, ...]

# libyaml's line breaks, which its line numbers count.
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_PLAIN = "write text without control characters"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})\.[0-9]{1,30}(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Spot(Struct):
    """Where one value stands, counted from 1. `parts` mirrors the keys or items of the value."""

    path: Path
    line: int
    column: int
    key_line: int
    key_column: int
    parts: dict[str, Spot] | list[Spot]

    def part(self, step: str | int) -> Spot | None:
        if isinstance(self.parts, dict):
            return self.parts.get(step) if isinstance(step, str) else None
        return self.parts[step] if isinstance(step, int) and step < len(self.parts) else None


class Document(Struct):
    """A file as plain values (dict, list, str, int, float, bool, None) with the place of each."""

    file: str
    lines: list[str]
    value: object
    root: Spot

    def spot(self, path: Path) -> Spot:
        """The place of `path`, or of the nearest value above it that is in the file."""
        spot = self.root
        for step in path:
            below = spot.part(step)
            if below is None:
                break
            spot = below
        return spot

    def remove(self, path: Path) -> None:
        """Take the value at `path` out of the document, if it is there. Places of the others stay right."""
        value: object = self.value
        spot: Spot | None = self.root
        for step in path[:-1]:
            value = part_of(value, step)
            spot = spot.part(step) if spot else None
        last = path[-1]
        if spot is None or spot.part(last) is None:
            return
        if isinstance(value, dict | list):
            del value[last]  # type: ignore[arg-type]
            del spot.parts[last]  # type: ignore[arg-type]

    def issue(self, path: Path, message: str, hint: str = "", *, at_key: bool = False) -> ConfigIssue:
        """An issue that points at the value of `path`, or at its key."""
        spot = self.spot(path)
        line, column = (spot.key_line, spot.key_column) if at_key else (spot.line, spot.column)
        return issue_at(self.file, self.lines, line, column, message, hint, path=path_text(spot.path))


def issue_at(
    file: str, lines: list[str], line: int, column: int, message: str, hint: str = "", *, path: str = ""
) -> ConfigIssue:
    """An issue at a line and column (from 1) of the text `lines`."""
    source = lines[line - 1] if line <= len(lines) else ""
    return ConfigIssue(file=file, line=line, column=column, path=path, message=message, hint=hint, source=source)


def path_text(path: Path) -> str:
    """`("bgp", "neighbors", 1, "peer")` as `bgp.neighbors[1].peer`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def read(text: str, file: str) -> Document:
    """Read one YAML document. Raises ConfigError with the place of the first fault."""
    lines = _LINE_BREAK.split(text[:MAX_CHARACTERS])
    builder = _Builder(file, lines)
    if len(text) > MAX_CHARACTERS:
        raise builder.refused(1, 1, f"the file is longer than {MAX_CHARACTERS} characters", "split the file")
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise builder.refused(line, column, f"not YAML: {error.problem or error.context}", _context(error)) from None
    except yaml.reader.ReaderError as error:
        before = _LINE_BREAK.split(text.encode()[: error.position].decode(errors="replace"))
        raise builder.refused(len(before), len(before[-1]) + 1, f"not YAML: {error.reason}", _PLAIN) from None
    except UnicodeEncodeError as error:
        before = _LINE_BREAK.split(text[: error.start])
        raise builder.refused(
            len(before), len(before[-1]) + 1, "not YAML: a lone surrogate character", _PLAIN
        ) from None
    return Document(file, lines, *builder.result())


class _Frame(Struct):
    """A mapping or list that is being read. `key` is the mapping's key whose value comes next."""

    value: dict[str, object] | list[object]
    spot: Spot
    anchor: str | None
    values_before: int
    key: str | None = None
    key_line: int = 0
    key_column: int = 0


class _Anchored(Struct):
    value: object
    spot: Spot
    values: int


class _Builder:
    """Builds values and spots from events without recursion."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self._file = file
        self._lines = lines
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._values = 0
        self._documents = 0
        self._root: tuple[object, Spot] | None = None

    def refused(self, line: int, column: int, message: str, hint: str = "") -> ConfigError:
        return ConfigError([issue_at(self._file, self._lines, line, column, message, hint)])

    def result(self) -> tuple[object, Spot]:
        return self._root or (None, Spot((), 1, 1, 1, 1, []))

    def feed(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            frame = self._stack.pop()
            self._place(frame.value, frame.spot, frame.anchor, frame.values_before)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._at(event, "a second YAML document in the file", "write one document for each file")

    def _at(self, event: yaml.Event, message: str, hint: str = "") -> ConfigError:
        return self.refused(*_place_of(event), message, hint)

    def _spot(self, event: yaml.Event, parts: dict[str, Spot] | list[Spot]) -> Spot:
        """A spot for the value that starts at `event`, below the innermost open frame."""
        line, column = _place_of(event)
        if not self._stack:
            return Spot((), line, column, line, column, parts)
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            return Spot((*frame.spot.path, len(frame.value)), line, column, line, column, parts)
        return Spot((*frame.spot.path, frame.key or ""), line, column, frame.key_line, frame.key_column, parts)

    def _count(self, event: yaml.Event, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise self._at(event, f"more than {MAX_VALUES} values", "split the file, or use fewer aliases")

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._refuse_tag(event)
        self._count(event, 1)
        if self._expects_key():
            self._key(event)
            return
        plain = event.implicit[0]
        value = _resolve(event.value) if plain else event.value
        self._place(value, self._spot(event, []), event.anchor, self._values - 1)

    def _key(self, event: yaml.ScalarEvent) -> None:
        frame = self._stack[-1]
        if event.value in frame.value:
            line = frame.spot.parts[event.value].key_line  # type: ignore[call-overload]
            raise self._at(event, f"the key {event.value!r} is here twice", f"it is already in line {line}")
        frame.key = event.value
        frame.key_line, frame.key_column = _place_of(event)

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise self._at(event, f"the tag {event.tag!r} is not used here", "leave the tag out")

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        self._count(event, 1)
        if self._expects_key():
            raise self._at(event, "a key must be one word or text, not a list or mapping", "quote it if it is text")
        if len(self._stack) >= MAX_DEPTH:
            raise self._at(event, f"nested deeper than {MAX_DEPTH} levels", "no key is that deep")
        if isinstance(event, yaml.MappingStartEvent):
            self._stack.append(_Frame({}, self._spot(event, {}), event.anchor, self._values - 1))
        else:
            self._stack.append(_Frame([], self._spot(event, []), event.anchor, self._values - 1))

    def _alias(self, event: yaml.AliasEvent) -> None:
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None or self._expects_key():
            raise self._at(event, f"the alias *{event.anchor} names no finished value before it", "write the value out")
        self._count(event, anchored.values)
        if len(self._stack) + _depth(anchored.spot) > MAX_DEPTH:
            raise self._at(event, f"nested deeper than {MAX_DEPTH} levels", "no key is that deep")
        place = self._spot(event, [])
        spot = copy.deepcopy(anchored.spot)
        spot.key_line, spot.key_column = place.key_line, place.key_column
        self._place(copy.deepcopy(anchored.value), spot, None, 0)

    def _place(self, value: object, spot: Spot, anchor: str | None, values_before: int) -> None:
        """Put a finished value where it belongs."""
        if anchor is not None:
            self._anchors[anchor] = _Anchored(value, spot, self._values - values_before)
        if not self._stack:
            self._root = value, spot
            return
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
            frame.spot.parts.append(spot)  # type: ignore[union-attr]
        elif frame.key is not None:
            frame.value[frame.key] = value
            frame.spot.parts[frame.key] = spot  # type: ignore[call-overload]
            frame.key = None


def _context(error: yaml.MarkedYAMLError) -> str:
    """Where the construct started that the parser could not finish."""
    if error.context is None or error.context_mark is None:
        return "text with special characters needs quotes"
    return f"{error.context}, which starts in line {error.context_mark.line + 1}"


def _place_of(event: yaml.Event) -> tuple[int, int]:
    """(line, column) where an event starts, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def part_of(value: object, step: str | int) -> object:
    """The value below one key or index, None if it is not there."""
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _depth(spot: Spot) -> int:
    parts = spot.parts.values() if isinstance(spot.parts, dict) else spot.parts
    return 1 + max(map(_depth, parts), default=0)


def _resolve(text: str) -> object:
    """A plain scalar by the rules of this module."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
