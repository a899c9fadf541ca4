"""What a command has to say as values: tables of numbers and names, as text, JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from sparx_dsl.errors.escape import visible
from sparx_dsl.errors.wording import counted
from sparx_dsl.language.notebook import shown
from sparx_dsl.render.text_table import WIDTH, Column, styled_line, text_table

MARKUP: Final = re.compile(r"[\\|*<>\[\]`]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown would read as markup: an underscore between letters or digits is none."""
Value = int | float | str | bool | tuple[int, ...] | tuple[str, ...] | None
"""What stands in a cell: None where nothing does."""
Form = Literal["text", "json", "csv", "markdown"]
"""In which form a listing is given to whoever asked for it."""
Style = Literal["plain", "good", "bad", "changed", "heading", "prose"]
"""``heading`` is one in Markdown, and ``prose`` a paragraph, which is wrapped; the others are colours of a line."""


def plain(value: Any) -> str:
    """A value without a unit; several have spaces between them."""
    if isinstance(value, tuple):
        return " ".join(map(str, cast("tuple[object, ...]", value)))
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table: its key in JSON and CSV, its heading in text, and how a value reads there."""

    key: str
    heading: str
    show: Callable[[Any], str] = plain
    """For values other than None, which reads ``absent``."""
    number: bool = False
    absent: str = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values under fields, with a row of totals or none; ``name`` is the table's key in JSON."""

    name: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] | None = None
    """The last row in text; JSON and CSV leave it out. None shows as nothing."""

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {counted(len(self.rows), 'row')})"

    def only(self, *keys: str) -> Table:
        """The same table with the fields of these keys, in that order."""
        return self._of([[one.key for one in self.fields].index(key) for key in keys])

    def without(self, *keys: str) -> Table:
        """The same table but for the fields of these keys."""
        return self._of([place for place, one in enumerate(self.fields) if one.key not in keys])

    def _of(self, places: Sequence[int]) -> Table:
        total = None if self.total is None else tuple(self.total[place] for place in places)
        rows = tuple(tuple(row[place] for place in places) for row in self.rows)
        return Table(self.name, tuple(self.fields[place] for place in places), rows, total)

    def cells(self) -> Iterator[list[str]]:
        """The texts of each row."""
        for row in self.rows:
            yield [
                one.absent if value is None else one.show(value) for one, value in zip(self.fields, row, strict=True)
            ]

    def total_cells(self) -> list[str] | None:
        """The texts of the totals; None where there are none."""
        if self.total is None:
            return None
        return ["" if value is None else one.show(value) for one, value in zip(self.fields, self.total, strict=True)]

    def records(self) -> list[dict[str, Any]]:
        """Each row as a mapping from keys to plain values; fields without a key are for readers only."""
        return [
            {one.key: list(value) if isinstance(value, tuple) else value
             for one, value in zip(self.fields, row, strict=True) if one.key}
            for row in self.rows
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, which a terminal may show in a colour."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a command has found: facts and tables for programs, and the order in which people read them.

    ``str(listing)`` is its text at 100 columns, without colour.
    """

    schema: str
    """The name of the JSON Schema that ``as_json`` satisfies, such as ``sparx.cost``."""
    facts: Mapping[str, Any]
    tables: tuple[Table, ...]
    """The data: each table is a list of objects in JSON, and the first one is the CSV."""
    shown: tuple[Table | Line, ...]
    """What text and Markdown show."""
    version: int = field(default=1)
    """The version of the schema; it rises when a key is removed or changes its meaning."""

    def __str__(self) -> str:
        return self.as_text()

    def __repr__(self) -> str:
        return f"Listing({self.schema!r}, {', '.join(map(repr, self.tables))})"

    def _repr_html_(self) -> str:
        """How notebooks show it: what text shows, as tables of HTML."""
        return shown("sparx_dsl.render.notebook:listing_html", self)

    def render(self, form: Form, width: int = WIDTH, *, colour: bool = False, wrap: bool = False) -> str:
        """The listing in that form; ``width``, in characters, ``colour`` and ``wrap`` are for text."""
        match form:
            case "json":
                return json.dumps(self.as_json(), indent=2)
            case "csv":
                return self.as_csv()
            case "markdown":
                return self.as_markdown()
            case "text":
                return self.as_text(width, colour=colour, wrap=wrap)

    def as_text(self, width: int = WIDTH, *, colour: bool = False, wrap: bool = False) -> str:
        """Tables and lines for a terminal of ``width`` characters; with ``wrap`` no line is longer either."""
        return "\n".join(
            _line(part, width, colour, wrap) if isinstance(part, Line) else _text(part, width, colour)
            for part in self.shown
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values: the schema's name and version, the facts, and each table as a list of objects."""
        tables = {table.name: table.records() for table in self.tables}
        return {"schema": self.schema, "version": self.version, **self.facts, **tables}

    def as_csv(self) -> str:
        """The first table, with exact numbers, under a line of keys; a cell without a value is empty."""
        first = self.tables[0]
        places = [place for place, one in enumerate(first.fields) if one.key]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([first.fields[place].key for place in places])
        for row in first.rows:
            values = (row[place] for place in places)
            writer.writerow(["" if value is None else visible(plain(value)) for value in values])
        return text.getvalue()

    def as_markdown(self) -> str:
        """Tables and paragraphs."""
        return "\n\n".join("\n".join(_markdown(part)) for part in self.shown)


def _text(table: Table, width: int, colour: bool) -> str:
    columns = [Column(one.heading, one.number) for one in table.fields]
    return text_table(columns, table.cells(), table.total_cells(), width=width, colour=colour)


def _line(line: Line, width: int, colour: bool, wrap: bool) -> str:
    """A line as it is or wrapped, or one of a text, with an empty line before it."""
    text = line.style in ("heading", "prose")
    if not (text or wrap):
        return styled_line(line.text, line.style, colour=colour)
    start = re.match(" *", line.text)
    first = start[0] if start else ""
    parts = textwrap.wrap(
        visible(line.text), width, initial_indent="", subsequent_indent="" if text else f"{first}  ",
        break_long_words=False, break_on_hyphens=False,
    ) or [""]  # fmt: skip
    return "\n".join([*([""] if text else []), *(styled_line(part, line.style, colour=colour) for part in parts)])


def _markdown(part: Table | Line) -> Iterator[str]:
    if isinstance(part, Line):
        yield f"{'## ' if part.style == 'heading' else ''}{_escaped(part.text)}"
    else:
        yield from _markdown_table(part)


def _markdown_table(table: Table) -> Iterator[str]:
    yield _row([one.heading for one in table.fields])
    yield _row(["---:" if one.number else "---" for one in table.fields])
    yield from map(_row, table.cells())
    total = table.total_cells()
    if total is not None:
        yield _row([f"**{cell}**" if cell else "" for cell in total])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_escaped(cell) if not cell.startswith('**') else cell for cell in cells)} |"


def _escaped(text: str) -> str:
    """The text with what Markdown would read as markup escaped."""
    return MARKUP.sub(r"\\\g<0>", visible(text))
