"""Renderings: alignment, words for nothing, and text that cannot steer a terminal."""

from __future__ import annotations

import json

import pytest
import yaml

from weft.cli.output import Column, cell, duration, render, table

COLUMNS = (Column("NAME", "name"), Column("COUNT", "count", right=True), Column("LAST", "last"))


def test_columns_are_two_spaces_apart_and_quantities_to_the_right() -> None:
    items: list[dict[str, object]] = [{"name": "a", "count": 5, "last": "x"}, {"name": "longer", "count": 12345}]
    assert table(items, COLUMNS) == "NAME    COUNT  LAST\na           5  x\nlonger  12345  -"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (0, "0"),
        (True, "yes"),
        (False, "no"),
        (1.5, "1.5"),
        (["a", 1, None], "a,1,-"),
        ([{"address": "192.0.2.1", "key": 5}], "192.0.2.1/5"),
        ("a\x1b[2J\r\nb\x9b\u202e", "a\\x1b[2J\\r\\nb\\x9b\\u202e"),
    ],
)
def test_a_value_becomes_a_word(value: object, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m00s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (90061, "1d01h"),
        (float("inf"), "inf"),
        ("x", "x"),
    ],
)
def test_durations_are_short(seconds: object, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
def test_machine_forms_hold_every_key_and_give_hostile_text_back(form: str) -> None:
    item: dict[str, object] = {"name": "a\x1b\x9b\u202e\n---", "hidden": {"x": [1]}, "mac": "52:54:00:12:34:56"}
    text = render("x", [item], COLUMNS, form)
    parsed = yaml.safe_load(text) if form == "yaml" else json.loads(text)
    assert parsed == (item if form == "jsonl" else {"schema": "weft.x/v1", "items": [item]})
    assert all(c.isprintable() or c == "\n" for c in text)
