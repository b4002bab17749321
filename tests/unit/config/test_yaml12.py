"""YAML 1.2 scalars, places of values, and the bounds that keep hostile files cheap."""

from __future__ import annotations

import time

import pytest

from weft.config.errors import ConfigError
from weft.config.yaml12 import MAX_DEPTH, read


def value_of(text: str) -> object:
    return read(text, "f").value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("65001:10", "65001:10"),
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("12:30", "12:30"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("0755", "0755"),
        ("0x10", "0x10"),
        ("2026-11-20", "2026-11-20"),
        ("1_000", "1_000"),
        ("10.1.10.1", "10.1.10.1"),
        ("5e10", "5e10"),
        ("9" * 5000, "9" * 5000),
        ('"1"', "1"),
        ("1000", 1000),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_scalars_follow_yaml_1_2_so_that_route_targets_and_macs_stay_text(text: str, value: object) -> None:
    assert value_of(f"a: {text}") == {"a": value}


def test_keys_are_text_as_written() -> None:
    assert value_of("{1: a, true: b, 0x2: c}") == {"1": "a", "true": "b", "0x2": "c"}


def test_places_are_counted_from_one_for_values_and_keys() -> None:
    document = read("a:\n  b: [1, {c: 2}]\n", "f")
    spot = document.spot(("a", "b", 1, "c"))
    assert (spot.line, spot.column) == (2, 14)
    assert (spot.key_line, spot.key_column) == (2, 11)
    assert spot.path == ("a", "b", 1, "c")


def test_the_place_of_a_path_that_is_not_there_is_its_nearest_owner() -> None:
    assert read("a:\n  b: 1\n", "f").spot(("a", "x", "y")).path == ("a",)


def test_places_stay_right_after_values_are_removed() -> None:
    document = read("a: [x, y, z]\n", "f")
    document.remove(("a", 1))
    assert document.value == {"a": ["x", "z"]}
    assert document.spot(("a", 1)).path == ("a", 2)
    assert document.spot(("a", 1)).column == 11


def test_removing_what_is_not_there_changes_nothing() -> None:
    document = read("a: {b: 1}\n", "f")
    for path in [("x",), ("a", "x"), ("a", 3), ("a", "b", "c")]:
        document.remove(path)
    assert document.value == {"a": {"b": 1}}


def test_an_alias_is_a_copy() -> None:
    document = read("a: &x {b: 1}\nc: *x\n", "f")
    document.remove(("a", "b"))
    assert document.value == {"a": {}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\na: 2\n", (2, 1), "the key 'a' is here twice"),
        ("a: 1\n'a': 2\n", (2, 1), "the key 'a' is here twice"),
        ("a: [1\nb: 2\n", (2, 2), "not YAML"),
        ("\ta: 1\n", (1, 1), "not YAML"),
        ("a: é\x01\n", (1, 5), "not YAML: control characters"),
        ("a:\n  \ud800\n", (2, 3), "not YAML: a lone surrogate"),
        ("a: !!python/object:os.system {}\n", (1, 4), "the tag"),
        ("a: !!int '3'\n", (1, 4), "the tag"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second YAML document"),
        ("{a: b}: c\n", (1, 1), "a key must be one word"),
        ("a: *b\n", (1, 4), "the alias *b names no finished value"),
        ("a: &b [*b]\n", (1, 8), "the alias *b names no finished value"),
        ("a: &b 1\n*b : 2\n", (2, 1), "the alias *b"),
    ],
)
def test_a_fault_is_refused_with_its_place(text: str, place: tuple[int, int], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, "f")
    (issue,) = caught.value.issues
    assert (issue.line, issue.column) == place
    assert words in issue.message
    assert issue.hint


def test_nesting_is_bounded() -> None:
    assert value_of("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    for text in ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "[" * 1_000_000, "{a: " * 100_000):
        with pytest.raises(ConfigError, match="nested deeper"):
            read(text, "f")


def test_nesting_through_aliases_is_bounded() -> None:
    lines = ["- &a0 [x]"] + [f"- &a{n + 1} [*a{n}]" for n in range(MAX_DEPTH)]
    with pytest.raises(ConfigError, match="nested deeper"):
        read("\n".join(lines), "f")


def test_aliases_cannot_blow_up_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(9)]
    start = time.monotonic()
    with pytest.raises(ConfigError, match="more than 200000 values"):
        read("\n".join(lines), "f")
    assert time.monotonic() - start < 20


def test_size_is_bounded() -> None:
    with pytest.raises(ConfigError, match="longer than"):
        read("a" * (8 * 1024 * 1024 + 1), "f")
