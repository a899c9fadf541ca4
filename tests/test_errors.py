"""Diagnostics as text, suggestions, and the catalogue of codes."""

from __future__ import annotations

import json
import operator
import re
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.codes import builtin_codes
from sparx_dsl.errors import (
    CodeEntry,
    Diagnostic,
    Related,
    SourceText,
    Span,
    SparxError,
    Style,
    Where,
    closest,
    did_you_mean,
    render,
)
from sparx_dsl.errors.catalogue import catalogue_of
from sparx_dsl.reader.compose import compose
from tests.support.hidden import hides

CODES = builtin_codes()
SOURCE = SourceText("specs/tiny.yaml", "name: tiny\nstages:\n  - {channels: 64, S: 0}\n  - {channels: 64}\n")

MISTAKES = (
    Diagnostic(
        "SPX104", "S is 0, but at least 1 is needed", Where("stages.1.S", SOURCE, Span(3, 23, 3, 24)),
        notes=("S counts layers",), help="write 1 or more",
        related=(Related(Where("stages.2", SOURCE, Span(4, 5, 4, 19)), "this stage has none"),),
    ),
    Diagnostic("SPX102", "the key 'head' is missing", Where("", SOURCE)),
    Diagnostic("SPX103", "expected a number", Where("stages.3.S"), related=(Related(Where("stages.1"),
    "as here"),)),
)  # fmt: skip

FULL = """\
error[SPX104]: S is 0, but at least 1 is needed
 --> specs/tiny.yaml:3:23
  |
3 |   - {channels: 64, S: 0}
  |                       ^
 ::: specs/tiny.yaml:4:5
  |
4 |   - {channels: 64}
  |     -------------- this stage has none
  = note: S counts layers
  = help: write 1 or more

error[SPX102]: the key 'head' is missing
 --> specs/tiny.yaml

error[SPX103]: expected a number
 --> stages.3.S
 ::: stages.1: as here

3 errors
"""

CONCISE = """\
specs/tiny.yaml:3:23: SPX104 S is 0, but at least 1 is needed (write 1 or more)
specs/tiny.yaml: SPX102 the key 'head' is missing
stages.3.S: SPX103 expected a number
"""

hostile = st.text(alphabet=st.one_of(
    st.characters(exclude_categories=()),
    st.sampled_from("\x00\x1b\x7f\x85\x9b\u202e\u2066\u2028\ufeff\ud800\udfff\r\n\t漢e\u0301"),
    st.sampled_from("\u00ad\u034f\u200b\u200d\u2800\u3164\ufe0f\U000e0020"),
), max_size=30)  # fmt: skip


@st.composite
def places(draw: st.DrawFn) -> Where:
    """A place in a hostile text, inside or outside of it."""
    line, column = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    end_line, end_column = line + draw(st.integers(0, 1)), draw(st.integers(1, 60))
    source = SourceText(draw(hostile), draw(hostile))
    return Where(draw(hostile), source, draw(st.none() | st.just(Span(line, column, end_line, end_column))))


def marks(line: str, span: Span, width: int | None = None) -> tuple[str, str]:
    """The line and the row of marks that the full style prints for a span."""
    source = SourceText("t", "\n" * (span.line - 1) + line)
    rows = render([Diagnostic("SPX005", "m", Where("", source, span))], width=width).splitlines()
    bar = rows[2].index("|") + 2
    return rows[3][bar:], rows[4][bar:]


def test_the_full_style() -> None:
    """Heading, place, line, marks, related places, notes, help, and the count."""
    assert render(MISTAKES) == FULL
    assert render(MISTAKES, "full") == FULL


def test_the_concise_style() -> None:
    """One line for each mistake."""
    assert render(MISTAKES, "concise") == CONCISE


def test_the_json_style() -> None:
    """Everything that a diagnostic knows, by name."""
    first, second, _ = json.loads(render(MISTAKES, "json"))
    assert first == {
        "code": "SPX104", "message": "S is 0, but at least 1 is needed", "file": "specs/tiny.yaml",
        "path": "stages.1.S",
        "line": 3, "column": 23, "end_line": 3, "end_column": 24, "notes": ["S counts layers"],
        "help": "write 1 or more",
        "related": [{"text": "this stage has none", "file": "specs/tiny.yaml", "path": "stages.2",
                     "line": 4, "column": 5, "end_line": 4, "end_column": 19}],
    }  # fmt: skip
    assert (second["line"], second["help"], second["related"]) == (None, None, [])


def test_one_mistake_is_singular_and_none_is_nothing() -> None:
    """The count speaks English, and no mistakes need no text."""
    assert render(MISTAKES[:1]).endswith("\n1 error\n")
    assert (render([]), render([], "concise"), json.loads(render([], "json"))) == ("", "", [])


@given(hostile, places(), hostile, places())
@pytest.mark.parametrize("style", ["full", "concise", "json"])
def test_every_output_is_safe_to_print(style: Style, text: str, where: Where, extra: str, other: Where) -> None:
    """Whatever a user's text holds, the output is UTF-8 without controls, surrogates or what hides or turns text."""
    diagnostic = Diagnostic("SPX005", text, where, notes=(extra,), help=extra, related=(Related(other, text),))
    output = render([diagnostic], style)
    output.encode("utf-8")
    for character in output:
        assert character == "\n" or not hides(character)
    if style == "json":
        json.loads(output)


def test_marks_stand_under_wide_and_combining_characters() -> None:
    """A wide character takes two cells, a combining one none, a tab four."""
    assert marks("漢字: ab", Span(1, 5, 1, 7)) == ("漢字: ab", " " * 6 + "^^")
    assert marks("漢字: ab", Span(1, 1, 1, 3)) == ("漢字: ab", "^^^^")
    assert marks("e\u0301: ab", Span(1, 5, 1, 7)) == ("e\u0301: ab", "   ^^")
    assert marks("𝒳\tb", Span(1, 3, 1, 4)) == ("𝒳    b", "     ^")


def test_marks_stand_under_escapes() -> None:
    """An escape takes the cells of its letters, also where it stands for a character that would take none."""
    assert marks("a\u200bb: cd", Span(1, 6, 1, 8)) == (r"a\u200bb: cd", " " * 10 + "^^")
    assert marks("a\u200bb: cd", Span(1, 1, 1, 4)) == (r"a\u200bb: cd", "^" * 8)
    assert marks("\u3164\ufe0f \U000e0020x", Span(1, 4, 1, 5)) == (r"\u3164\ufe0f \U000e0020x", " " * 13 + "^" * 10)
    assert marks("\u00ad\u034fx", Span(1, 3, 1, 4)) == (r"\xad\u034fx", " " * 10 + "^")


@given(
    st.text("ab\u200b\u3164\U000e0020", max_size=40),
    st.sampled_from("\u200b\u3164\U000e0020"),
    st.text("cd", max_size=40),
)
@example("a" * 8, "\U000e0020", "")
def test_marks_stand_under_escapes_in_narrow_lines(before: str, character: str, after: str) -> None:
    """The whole escape is shown and marked, however the line is cut."""
    at = len(before) + 1
    shown, row = marks(before + character + after, Span(1, at, 1, at + 1), width=22)
    written = character.encode("unicode_escape").decode()
    assert row.strip() == "^" * len(written)
    assert shown[row.index("^") :].startswith(written)


def test_marks_at_odd_spans() -> None:
    """An empty span and a place past the text get one mark; a span over lines is marked to its line's end."""
    assert marks("a:", Span(1, 3, 1, 3)) == ("a:", "  ^")
    assert marks("a: |", Span(1, 4, 3, 1)) == ("a: |", "   ^")
    assert marks("a", Span(9, 4, 9, 5)) == ("a", " ^")
    assert "9 |\n  | ^" in render([Diagnostic("SPX005", "m", Where("", SOURCE, Span(9, 4, 9, 5)))])


@given(st.integers(0, 3000), st.integers(1, 300), st.integers(0, 3000))
@example(0, 300, 3000)
def test_long_lines_are_cut_around_the_span(before: int, length: int, after: int) -> None:
    """The printed line fits a screen, shows where it was cut, and its marks are under the span."""
    shown, row = marks("a" * before + "X" * length + "b" * after, Span(1, before + 1, 1, before + length + 1))
    assert max(len(shown), len(row)) <= 102
    start = row.index("^")
    assert shown[start] == "X"
    assert row.count("^") == shown.count("X")
    assert shown.startswith("…") == (shown.count("a") < before)
    assert shown.endswith("…") == (shown.count("X") + shown.count("b") < length + after)


def test_json_holds_the_escapes_too() -> None:
    """Whoever prints a text out of the JSON prints nothing unsafe."""
    bad, good = "a\x1b\u202e\ud800", "a\\x1b\\u202e\\ud800"
    place = Where(bad, SourceText(bad, bad), Span(1, 1, 1, 2))
    diagnostic = Diagnostic("SPX005", bad, place, notes=(bad,), help=bad, related=(Related(place, bad),))
    (data,) = json.loads(render([diagnostic], "json"))
    assert [data[key] for key in ("message", "help", "file", "path")] == [good] * 4
    assert data["notes"] == [data["related"][0]["text"]] == [good]


def distance(first: str, second: str) -> int:
    """The edit distance by its definition, cell by cell over prefixes; 1 where only the case differs."""
    if first != second and first.lower() == second.lower():
        return 1
    table = {(0, column): 2 * column for column in range(len(second) + 1)}
    table |= {(row, 0): 2 * row for row in range(len(first) + 1)}
    for row, a in enumerate(first, 1):
        for column, b in enumerate(second, 1):
            change = 0 if a == b else 1 if a.lower() == b.lower() else 2
            table[row, column] = min(
                table[row - 1, column - 1] + change, table[row - 1, column] + 2, table[row, column - 1] + 2
            )
    return table[len(first), len(second)]


names = st.text(alphabet="abAB_", min_size=1, max_size=8)


@given(names, st.lists(names, max_size=8))
def test_the_closest_choice_is_the_nearest_within_the_threshold(word: str, choices: list[str]) -> None:
    """The first choice of the smallest distance, if that is at most a third of the letters and one more."""
    near = [(distance(word, choice), index) for index, choice in enumerate(choices)
            if choice != word and distance(word, choice) <= (len(word) + len(choice) + 3) * 2 // 6]  # fmt: skip
    assert closest(word, choices) == (choices[min(near)[1]] if near else None)


@pytest.mark.parametrize(
    ("word", "choices", "expected"),
    [("chanels", ["classes", "channels"], "channels"), ("ouput", ["out", "output"], "output"), ("DEPTH",
    ["depth"], "depth"),
     ("s", ["S", "M"], "S"), ("mixer", ["head"], None), ("", ["a"], None), ("ab", [], None),
     ("a" * 41, ["a" * 40], None), ("chanels", ["channels"] * 751, None)],
)  # fmt: skip
def test_suggestions(word: str, choices: list[str], expected: str | None) -> None:
    """Near misses get a suggestion; far, long and many words get none."""
    assert closest(word, choices) == expected
    assert did_you_mean(word, choices) == (f'did you mean "{expected}"?' if expected else None)


def test_the_catalogue_is_well_formed() -> None:
    """Codes have the one form, are unique and in order, and every entry has a text."""
    assert list(CODES) == sorted(CODES)
    for code, entry in CODES.items():
        assert code == entry.code
        assert re.fullmatch(r"SPX[0-7]\d\d", code)
        assert entry.title
        assert not entry.title.endswith(".")
        assert entry.explanation.endswith((".", ".)"))
        assert bool(entry.wrong) == bool(entry.right)


def test_the_catalogue_is_immutable_and_refuses_a_code_given_twice() -> None:
    """Nobody can change an entry, or give one code two meanings."""
    entry = CodeEntry("SPX001", "a", "b.")
    with pytest.raises(ValueError, match="SPX001"):
        catalogue_of([entry, entry])
    with pytest.raises(TypeError):
        operator.setitem(cast("Any", CODES), "SPX001", entry)


@pytest.mark.parametrize(
    "entry", [entry for entry in CODES.values() if entry.code < "SPX1" and entry.wrong], ids=lambda entry: entry.code
)
def test_the_catalogues_snippets_about_text_are_true(entry: CodeEntry) -> None:
    """The wrong snippet earns its code, and the right one earns nothing."""
    with pytest.raises(SparxError) as caught:
        compose(entry.wrong, "wrong.yaml")
    assert entry.code in {diagnostic.code for diagnostic in caught.value.diagnostics}
    compose(entry.right, "right.yaml")


def test_a_page_of_errors_fits_a_narrow_terminal() -> None:
    """Messages, notes and advice are wrapped below where they begin; the user's line is cut around the mark."""
    long = "a" * 30
    text = f"sparx: 1\nname: x\nstages: [{{channels: 8, depth: 2, {long}: 3}}]\n"
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(text)
    wide = sparx_dsl.render_diagnostics(caught.value.diagnostics)
    narrow = sparx_dsl.render_diagnostics(caught.value.diagnostics, width=44)
    assert max(map(len, wide.splitlines())) > 60
    assert max(map(len, narrow.splitlines())) <= 44
    # Lines of the text, which have a bar before them, are cut; everything else has the same words.
    words = (
        [word for line in page.splitlines() if " | " not in line for word in line.split()] for page in (wide, narrow)
    )
    assert operator.eq(*words)
