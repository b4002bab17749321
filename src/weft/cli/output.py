"""One data model, four renderings: a table for people; JSON, JSON lines and YAML for programs, with every key."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from weft.config.errors import printable

FORMATS = ("table", "json", "jsonl", "yaml")

Item = dict[str, object]


class Column(Struct, frozen=True):
    """A column of a table: its header, what it shows of an item, and whether it is a quantity (set to the right)."""

    header: str
    key: str
    right: bool = False
    show: Callable[[object], str] | None = None


def render(noun: str, items: Sequence[Item], columns: Sequence[Column], form: str) -> str:
    """The text of some items, without a final line break. Machine forms hold every key, tables the columns."""
    if form == "table":
        return table(items, columns)
    if form == "jsonl":
        return "\n".join(json.dumps(item) for item in items)
    document = {"schema": f"weft.{noun}/v1", "items": list(items)}
    if form == "json":
        return json.dumps(document, indent=2)
    import yaml

    text: str = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)
    return text.rstrip("\n")


def table(items: Sequence[Item], columns: Sequence[Column]) -> str:
    """Upper-case header, two spaces between columns, `-` for none."""
    rows = [[column.header for column in columns]]
    rows += [[cell(item.get(column.key), column) for column in columns] for item in items]
    widths = [max(map(len, texts)) for texts in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in rows
    )


def cell(value: object, column: Column | None = None) -> str:
    """A value as a word of a table. Texts of peers and tenants are hostile: control characters are escaped."""
    if value is None or value == "" or value == []:
        return "-"
    if column and column.show:
        return printable(column.show(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(cell, value))
    if isinstance(value, dict):
        return "/".join(map(cell, value.values()))
    return printable(str(value))


def duration(value: object) -> str:
    """Seconds as `42s`, `3m12s`, `5h07m` or `12d04h`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return cell(value)
    seconds = int(value)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds // 60 % 60:02}m"
    return f"{seconds // 86400}d{seconds // 3600 % 24:02}h"
