"""Tables as plain text, which fit the terminal: what is too wide goes on below, and no digit is cut off."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sparx_dsl.errors.escape import visible

if TYPE_CHECKING:
    pass

WIDTH = 100
"""Characters of a line, by default."""
GAP = 2
"""Characters between two columns."""
LEAST_TEXT = 8
"""Characters to which a column of words is made narrower before columns go on below."""
LEAST_FIRST = 3
"""The first column, which says what a row is about, has up to one in so many of a line's characters."""
STYLES: Final[Mapping[str, str]] = {
    "plain": "",
    "good": "green",
    "bad": "red",
    "changed": "yellow",
    "heading": "bold",
    "prose": "",
}
"""The colour of each style in rich's terms: those of the terminal's own palette, which its user can read."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, and whether it holds numbers (flush right)."""

    heading: str
    number: bool = False


def text_table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    total: Sequence[str] | None = None,
    *,
    width: int,
    colour: bool = False,
) -> str:
    """A table of at most ``width`` characters a line; no text is taken for markup.

    Columns that do not fit stand in further tables below, each of which begins with the first column.
    """
    headings = [visible(column.heading) for column in columns]
    body = [[visible(cell) for cell in row] for row in rows]
    last = None if total is None else [visible(cell) for cell in total]
    cells = [[heading, *(row[place] for row in body)] + ([last[place]] if last else []) for place, heading
             in enumerate(headings)]  # fmt: skip
    least = [_least(column.number, found) for column, found in zip(columns, cells, strict=True)]
    least[0] = max(least[0], min(_longest(cells[0]), width // LEAST_FIRST))
    return "\n".join(
        _table([Column(headings[place], columns[place].number) for place in part],
               [[row[place] for place in part] for row in body],
               None if last is None else [last[place] for place in part], least[0], width, colour)
        for part in _parts(headings, least, width)
    )  # fmt: skip


def styled_line(text: str, style: str, *, colour: bool) -> str:
    """A line, on a terminal in the colour of its style."""
    if not colour:
        return visible(text)
    from rich.text import Text

    return _printed(Text(visible(text), style=STYLES[style]), None, colour)


def _least(number: bool, cells: Sequence[str]) -> int:
    """The fewest characters that a column can do with: numbers are never broken, words are."""
    longest = _longest(cells)
    return longest if number else min(longest, max(LEAST_TEXT, len(cells[0])))


def _longest(cells: Sequence[str]) -> int:
    """The most characters of a terminal that a cell takes."""
    from rich.cells import cell_len

    return max(map(cell_len, cells))


def _parts(headings: Sequence[str], least: Sequence[int], width: int) -> list[list[int]]:
    """The places of the columns of each table: the first column is in all, and one without a heading stays behind the
    one that it belongs to."""
    parts, used = [[0]], least[0] + GAP
    for place in range(1, len(least)):
        together = least[place : place + 2] if headings[place + 1 : place + 2] == [""] else least[place : place + 1]
        needed = sum(together) + GAP * len(together)
        if headings[place] and used + needed > width and len(parts[-1]) > 1:
            parts.append([0])
            used = least[0] + GAP
        parts[-1].append(place)
        used += least[place] + GAP
    return parts


def _table(
    columns: Sequence[Column],
    body: Sequence[Sequence[str]],
    total: Sequence[str] | None,
    first: int,
    width: int,
    colour: bool,
) -> str:
    """One table, whose first column has at least ``first`` characters."""
    # Loading rich takes as long as making a dozen tables.
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_footer=False, pad_edge=False, padding=(0, 1, 0, 0), border_style="dim")
    for place, column in enumerate(columns):
        table.add_column(
            Text(column.heading), justify="right" if column.number else "left", overflow="fold",
            no_wrap=column.number, min_width=None if place else first,
        )  # fmt: skip
    for place, row in enumerate(body):
        table.add_row(*map(Text, row), end_section=total is not None and place == len(body) - 1)
    if total is not None:
        table.add_row(*map(Text, total))
    return _printed(table, width, colour)


def _printed(what: object, width: int | None, colour: bool) -> str:
    """What rich prints of it, without the spaces at the ends of lines."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(), width=width or 10_000, color_system="standard" if colour else None, no_color=not colour,
        force_terminal=colour, force_jupyter=False, legacy_windows=False, _environ={},
    )  # fmt: skip
    with console.capture() as captured:
        console.print(what, soft_wrap=width is None)
    return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())
