"""Mistakes in YAML texts: each at its place, with both of PyYAML's parsers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sparx_dsl.errors import SourceText, Span
from sparx_dsl.reader.yaml_syntax import syntax_error
from tests.support.yaml_places import LOADERS, mistakes, places


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", [("SPX009", 2, 1)]),
        ("3: 1\n\"3\": 2\n", [("SPX009", 2, 1)]),
        ("0x3: 1\n3: 2\n", [("SPX009", 2, 1)]),
        ("a: yes\nb: [010, 1:30]\n", [("SPX010", 1, 4), ("SPX010", 2, 5), ("SPX010", 2, 10)]),
        ("on: 1\n", [("SPX010", 1, 1)]),
        ("a: {b: 1,234, c: 12,345,678, d: -1,000,234}\n", [("SPX010", 1, 8), ("SPX010", 1, 18), ("SPX010", 1, 33)]),
        ("a: [1,024, 12,345,000, 8,000,000]\n", [("SPX010", 1, 5), ("SPX010", 1, 12), ("SPX010", 1, 24)]),
        ("a: [\n1,024]\n", [("SPX010", 2, 1)]),
        ("a: {1: x,200: w, 3: [1,234], z: 1, 456}\nb: [yes, 2024,010]\n", [("SPX010", 2, 5), ("SPX010", 2, 15)]),
        ("a: .inf\nb: .nan\nc: 1e999\n", [("SPX016", 1, 4), ("SPX016", 2, 4), ("SPX016", 3, 4)]),
        ("? [a]\n: 1\n? {b: 1}\n: 2\n", [("SPX011", 1, 3), ("SPX011", 3, 3)]),
        ("null: 1\ntrue: 2\n1.5: 3\n?\n: 4\n", [("SPX011", 1, 1), ("SPX011", 2, 1), ("SPX011", 3, 1), ("SPX011",
        4, 2)]),
        ("a: &x 1\nb: *x\n", [("SPX007", 1, 4), ("SPX007", 2, 4)]),
        ("<<: {a: 1}\n", [("SPX008", 1, 1)]),
        ("a: &x # why\n  !y 1\n", [("SPX007", 1, 4), ("SPX006", 2, 3)]),
        ("a: !y &x 1\n", [("SPX006", 1, 4), ("SPX007", 1, 7)]),
        ("a: !y\n  !z k: 1\n", [("SPX006", 1, 4), ("SPX006", 2, 3)]),
        ("a: &x\n  &y !z k: 1\n", [("SPX007", 1, 4), ("SPX007", 2, 3), ("SPX006", 2, 6)]),
        ("a: !y\n  &x k: 1\n", [("SPX006", 1, 4), ("SPX007", 2, 3)]),
        ("a: 1\n---\nb: 2\n", [("SPX012", 2, 1)]),
        ("a: yes\n---\n", [("SPX010", 1, 4), ("SPX012", 2, 1)]),
        ("", [("SPX013", 0, 0)]),
        ("# only\n", [("SPX013", 0, 0)]),
        ("---\n", [("SPX013", 0, 0)]),
        ("- a\n", [("SPX014", 1, 1)]),
        ("abc\n", [("SPX014", 1, 1)]),
        ('""\n', [("SPX014", 1, 1)]),
        ("a: \x1b[31m\nb\u202e: 1\n", [("SPX015", 1, 4), ("SPX015", 2, 2)]),
        ('a: "\\e[31m"\n𝒳: "\\u202e"\n', [("SPX015", 1, 4), ("SPX015", 2, 4)]),
        ('漢: "a\\rb"\n', [("SPX015", 1, 4)]),
        ("a: \ud800\n", [("SPX015", 1, 4)]),
        ("a: \u2028\nb: \x85", [("SPX015", 1, 4), ("SPX015", 3, 4)]),
        ("%YAML 1.1\n---\na: 1\n", [("SPX018", 1, 1)]),
        ("%TAG ! tag:x:\n---\na: 1\n", [("SPX018", 1, 1)]),
        ("a: " + "x" * 4097, [("SPX017", 1, 4)]),
        ("x" * 900 + ": " + "9" * 4000, [("SPX016", 1, 903)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loader", LOADERS)
def test_every_mistake_is_at_its_place(text: str, expected: list[tuple[str, int, int]], loader: type[Any]) -> None:
    """All the mistakes of a text are reported, in order, with both of PyYAML's parsers."""
    assert places(text, loader=loader) == expected


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: [1, 2\n", 1, 9), ("a: {b: 1\n", 1, 9), ("a: 'x\n", 1, 6), ("a: b: c\n", 1, 5), ("a: 1\n b: 2\n", 2, 3),
        ("a:\n\tb: 1\n", 2, 1), ("a: @x\n", 1, 4), ("漢: `x\n", 1, 4), ("- a\nb: 1\n", 2, 1), ("a: 1\n}\n", 2, 1),
        ("a: 'x' y\n", 1, 8), ("a: [1, {]\n", 1, 9), ("a: b\nc d\n", 2, 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loader", LOADERS)
def test_broken_yaml_is_reported_where_it_breaks(text: str, line: int, column: int, loader: type[Any]) -> None:
    """Both parsers lead to one place, in our words."""
    (mistake,) = mistakes(text, loader=loader)
    assert mistake.where.span is not None
    assert (mistake.code, mistake.where.span.line, mistake.where.span.column) == ("SPX005", line, column)
    assert "the text is not YAML here" not in mistake.message


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("%YAML 1.1\n---\na: 1\n", Span(1, 1, 1, 10)),
        ("a: {b: 1,234}\n", Span(1, 8, 1, 13)),
        ("a: [\n  x, 12,345,000]\n", Span(2, 6, 2, 16)),
        ("a: &name # why\n  1\n", Span(1, 4, 1, 9)),
        ("a: b\n? [c,\n   d]\n: 1\n", Span(2, 3, 2, 4)),
        ("a: yes\n", Span(1, 4, 1, 7)),
    ],
)
@pytest.mark.parametrize("loader", LOADERS)
def test_a_mistake_is_as_long_as_what_is_wrong(text: str, span: Span, loader: type[Any]) -> None:
    """On its first line."""
    (mistake,) = mistakes(text, loader=loader)
    assert mistake.where.span == span


def test_a_key_that_is_none_is_shown() -> None:
    """As it is written, and nothing as that."""
    found = mistakes("null: 1\ntrue: 2\n1.5: 3\n?\n: 4\n")
    assert [mistake.message.removesuffix(" cannot be a key") for mistake in found] == ["null", "true", "1.5", "nothing"]


def test_what_pyyaml_lets_escape_is_behind_what_was_read() -> None:
    """Its own parser raises ``OverflowError`` for such an escape, and libyaml does not."""
    assert places('a: 1\nb: "\\UFFFFFFFF"\n', loader=yaml.SafeLoader) == [("SPX005", 2, 1)]


@pytest.mark.parametrize(("length", "seen"), [(400, True), (401, False)])
def test_a_very_long_line_is_not_looked_through(length: int, seen: bool) -> None:
    """For a colon that is missing."""
    (mistake,) = mistakes("name " + "x" * (length - 5) + "\na: 1\n")
    assert (mistake.help == "write name: …") == seen


def test_broken_yaml_points_at_where_the_broken_thing_starts() -> None:
    """A second place is shown only where it is on another line."""
    (over_lines,) = mistakes("a: [1,\n 2\n")
    assert [related.where.span for related in over_lines.related] == [Span(1, 4, 1, 5)]
    assert mistakes("a: [1, 2\n")[0].related == ()


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "text",
    [
        'a: "\\ud800"\n',
        'a: "\\UFFFFFFFF"\n',
        'a: "\\U00110000"\n',
        "%YAML 1." + "9" * 5000 + "\n---\na: 1\n",
        "%FOO\n---\n[\n",
    ],
)
def test_absurd_escapes_and_directives_are_mistakes(text: str, loader: type[Any]) -> None:
    """No ValueError, OverflowError or UnicodeError escapes."""
    assert mistakes(text, loader=loader)


def test_an_error_in_other_words_of_a_parser_is_passed_on() -> None:
    """As another version of PyYAML may have it: what it says, cut and without control characters, at its place."""
    mark = yaml.Mark("", 6, 1, 1, "", 6)
    error = yaml.MarkedYAMLError(problem="strange \x1b[31m" + "!" * 500, problem_mark=mark)
    mistake = syntax_error(error, SourceText("t.yaml", "a: 1\nb: 2\n"))
    assert mistake.message.startswith("the text is not YAML here: strange \\x1b[31m!")
    assert len(mistake.message) < 300
    assert (mistake.code, mistake.where.span) == ("SPX005", Span(2, 2, 2, 3))


def test_bytes_that_are_not_utf_8_are_a_mistake_at_the_byte() -> None:
    """The column counts code points, and other encodings are named by their first byte."""
    assert places("漢: ".encode() + b"\xff\n") == [("SPX004", 1, 4)]
    assert places("a: 1\n".encode("utf-16")) == [("SPX004", 1, 1)]
    assert places(b"a: 1\r\nb: \xed\xa0\x80") == [("SPX004", 2, 4)]


def test_mistakes_know_their_key_path() -> None:
    """The path is dotted and 1-based."""
    text = "stages:\n  - {S: 1}\n  - {S: 010, S: 2}\nlayer: !x {mixer: no}\n"
    assert [mistake.where.path for mistake in mistakes(text)] == ["stages.2.S", "stages.2", "layer", "layer.mixer"]
