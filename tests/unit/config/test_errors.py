"""The form of an error, to the letter."""

from __future__ import annotations

from weft.config.errors import ConfigError, ConfigIssue, printable


def issue(**changes: object) -> ConfigIssue:
    values: dict[str, object] = {
        "file": "bad.weft.yaml",
        "line": 50,
        "column": 22,
        "path": "tenants.red.networks.red-db.vni",
        "message": "16777216 is above 16777215, the largest 24-bit VNI",
        "hint": "use a number from 1 to 16777215",
        "source": "      red-db:  {vni: 16777216, gateway: [10.1.20.1/24]}",
    }
    return ConfigIssue(**(values | changes))  # type: ignore[arg-type]


def test_an_issue_says_where_what_and_what_to_do() -> None:
    assert str(issue()) == (
        "bad.weft.yaml:50:22: error: tenants.red.networks.red-db.vni: "
        "16777216 is above 16777215, the largest 24-bit VNI\n"
        "   50 |       red-db:  {vni: 16777216, gateway: [10.1.20.1/24]}\n"
        "      |                      ^\n"
        "  use a number from 1 to 16777215"
    )


def test_an_issue_of_the_whole_file_has_no_path() -> None:
    assert str(issue(path="", source="", hint="", line=1, column=1)).startswith("bad.weft.yaml:1:1: error: 167")


def test_a_long_line_is_cut_around_the_caret() -> None:
    source = "x" * 5000 + "HERE" + "y" * 5000
    line, snippet, caret, _ = str(issue(source=source, column=5001)).split("\n")
    assert len(snippet) < 200
    assert snippet[caret.index("^") :].startswith("HERE")
    assert line.startswith("bad.weft.yaml:50:5001: ")


def test_a_files_text_cannot_steer_the_terminal() -> None:
    text = str(issue(file="a\x1b[2J", path="b\x07", message="c\x9b31m", source="d\x1b]0;x\x07\u202e"))
    assert all(c.isprintable() or c == "\n" for c in text)


def test_issues_are_in_file_order_and_told_once() -> None:
    error = ConfigError([issue(line=3), issue(line=1), issue(line=3)])
    assert [one.line for one in error.issues] == [1, 3]
    assert str(error).count("error:") == 2


def test_printable_keeps_words_and_escapes_the_rest() -> None:
    assert printable("Grüße 10.0.0.1") == "Grüße 10.0.0.1"
    assert printable("a\nb\x1b\x7f\u202e\ud800") == "a\\nb\\x1b\\x7f\\u202e\\ud800"
