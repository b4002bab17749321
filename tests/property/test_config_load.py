"""Whatever a file holds, reading it raises nothing but ConfigError, with places inside the file."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.config import ConfigError, load
from weft.config.yaml12 import read

EXAMPLES = [path.read_text() for path in sorted((Path(__file__).parents[2] / "examples").glob("*.weft.yaml"))]

WORDS = st.text(alphabet=st.characters(categories=["L", "N", "P", "S"], include_characters=" "), max_size=20)
VALUES = st.recursive(
    st.sampled_from(
        ["", "null", "0", "-1", "true", "1.5", "65001:1", "192.0.2.1", "::1", "x", "'1'", "host", "{}", "[]"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(
            st.sampled_from(
                ["vni", "name", "peer", "networks", "ports", "address", "remotes", "vlan", "stitch", "x y"]
            ),
            inner,
            max_size=3,
        ).map(lambda items: "{" + ", ".join(f"{k}: {v}" for k, v in items.items()) + "}")
    ),
    max_leaves=8,
)


def check(text: str) -> None:
    error = refusal(text)
    if error is None:
        return
    assert error.issues
    assert all(issue.line >= 1 and issue.column >= 1 for issue in error.issues)
    assert all(c.isprintable() or c == "\n" for c in str(error))


def refusal(text: str) -> ConfigError | None:
    try:
        load(text, "f")
    except ConfigError as error:
        return error
    return None


@given(st.text(max_size=200))
def test_any_text_raises_only_config_errors(text: str) -> None:
    check(text)


@given(st.text(alphabet="ab:-[]{},&*!|>'\"#%@ \n\t1\\\x00\x85\u2028\ufeff", max_size=80))
def test_any_soup_of_yaml_signs_raises_only_config_errors(text: str) -> None:
    check(text)


@settings(max_examples=300)
@given(st.sampled_from(EXAMPLES), st.data())
def test_any_change_of_an_example_raises_only_config_errors(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    check(text[:start] + data.draw(st.text(max_size=10) | VALUES) + text[end:])


@settings(max_examples=300)
@given(st.sampled_from(EXAMPLES), st.data())
def test_any_value_in_place_of_another_raises_only_config_errors(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    spots = [(n, line.index(": ")) for n, line in enumerate(lines) if ": " in line and not line.startswith("#")]
    number, colon = data.draw(st.sampled_from(spots))
    lines[number] = f"{lines[number][:colon]}: {data.draw(VALUES)}"
    check("\n".join(lines))


@given(st.dictionaries(WORDS, st.integers(-(10**29), 10**29) | st.booleans() | st.none() | WORDS, max_size=5))
def test_json_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert read(json.dumps(value, ensure_ascii=False), "f").value == value
