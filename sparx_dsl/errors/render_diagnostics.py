"""Diagnostics as text: with the user's lines and carets, one line each, or for programs. Never with colour."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from typing import Final, Literal

from sparx_dsl.errors.diagnostic import Diagnostic, SourceText, Where
from sparx_dsl.errors.escape import visible
from sparx_dsl.errors.sarif import github_text, sarif_text
from sparx_dsl.errors.snippet import MAX_WIDTH, marked_line
from sparx_dsl.errors.wording import counted

LEAST_WIDTH: Final = 16
"""Characters of a text or a line of the user's, however narrow the page is."""
CUT: Final = 5
"""What stands before such a line, and the marks where it is cut."""
Style = Literal["full", "concise", "json", "sarif", "github"]


def render(diagnostics: Iterable[Diagnostic], style: Style = "full", width: int | None = None) -> str:
    """The diagnostics in that style, ending with a line break; nothing (``[]`` as JSON) where there are none.

    Characters that steer a terminal or hide text come out as visible escapes, so that every result is valid UTF-8
    without any byte below 0x20 but the line break. In the style ``full`` texts are wrapped at ``width``
    characters, where one is given.
    """
    given = tuple(diagnostics)
    if style == "json":
        return json.dumps([_as_data(diagnostic) for diagnostic in given], indent=2) + "\n"
    if style == "sarif":
        return sarif_text(given)
    if style == "github":
        return github_text(given)
    if style == "concise":
        return "".join(f"{visible(str(diagnostic))}\n" for diagnostic in given)
    if not given:
        return ""
    page = _Page(width)
    blocks = [page.block(diagnostic) for diagnostic in given]
    return "\n\n".join(blocks) + f"\n\n{counted(len(given), 'error')}\n"


class _Page:
    """The full style; it splits each source into lines once."""

    def __init__(self, width: int | None) -> None:
        self._width = width
        self._lines: dict[SourceText, list[str]] = {}

    def block(self, diagnostic: Diagnostic) -> str:
        """One diagnostic with its places, notes and help."""
        places = [diagnostic.where, *(related.where for related in diagnostic.related)]
        gutter = " " * max(len(str(place.span.line)) if place.span else 1 for place in places)
        rows = self.wrapped(f"error[{diagnostic.code}]: {visible(diagnostic.message)}", "  ")
        rows += self.place(diagnostic.where, gutter, "-->", "^", "")
        for related in diagnostic.related:
            rows += self.place(related.where, gutter, ":::", "-", related.text)
        said = [("note", note) for note in diagnostic.notes]
        said += [("help", diagnostic.help)] if diagnostic.help else []
        for word, text in said:
            rows += self.wrapped(f"{gutter} = {word}: {visible(text)}", " " * (len(gutter) + len(word) + 5))
        return "\n".join(rows)

    def wrapped(self, text: str, indent: str) -> list[str]:
        """A text in lines of the page's width, the further ones indented; one line where there is no width."""
        if self._width is None:
            return [text]
        return textwrap.wrap(
            text, max(self._width, len(indent) + LEAST_WIDTH), subsequent_indent=indent, break_long_words=False,
            break_on_hyphens=False, drop_whitespace=True,
        )  # fmt: skip

    def place(self, where: Where, gutter: str, arrow: str, mark: str, text: str) -> list[str]:
        """A place's heading and, where a text is behind it, its line with marks under the span."""
        heading = visible(str(where))
        if where.source is None or where.span is None:
            if where.source is not None and where.path:
                heading = f"{heading}: {visible(where.path)}"
            said = f": {visible(text)}" if text else ""
            return [f"{gutter}{arrow} {heading}{said}"] if heading or said else []
        lines = self.lines(where.source)
        line = lines[where.span.line - 1] if where.span.line <= len(lines) else ""
        room = MAX_WIDTH if self._width is None else max(LEAST_WIDTH, self._width - len(gutter) - CUT)
        shown, marks = marked_line(line, where.span, mark, min(MAX_WIDTH, room))
        return [
            f"{gutter}{arrow} {heading}",
            f"{gutter} |",
            f"{where.span.line:>{len(gutter)}} | {shown}".rstrip(),
            f"{gutter} | {marks} {visible(text)}".rstrip(),
        ]

    def lines(self, source: SourceText) -> list[str]:
        """The source's lines without line breaks."""
        if source not in self._lines:
            self._lines[source] = source.text.splitlines()
        return self._lines[source]


def _as_data(diagnostic: Diagnostic) -> dict[str, object]:
    """One diagnostic as JSON data."""
    return {
        "code": diagnostic.code,
        "message": visible(diagnostic.message),
        **_place_data(diagnostic.where),
        "notes": [visible(note) for note in diagnostic.notes],
        "help": None if diagnostic.help is None else visible(diagnostic.help),
        "related": [{"text": visible(other.text), **_place_data(other.where)} for other in diagnostic.related],
    }


def _place_data(where: Where) -> dict[str, object]:
    """A place as JSON data; what is not known is null."""
    span = where.span
    return {
        "file": None if where.source is None else visible(where.source.name),
        "path": visible(where.path),
        "line": None if span is None else span.line,
        "column": None if span is None else span.column,
        "end_line": None if span is None else span.end_line,
        "end_column": None if span is None else span.end_column,
    }
