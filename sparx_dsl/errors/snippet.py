"""A line of the user's text with marks under a span, aligned for wide and combining characters."""

from __future__ import annotations

import unicodedata

from sparx_dsl.errors.diagnostic import Span
from sparx_dsl.errors.escape import visible

TAB = "    "
MAX_WIDTH = 100
"""Longer lines are cut around the span; in terminal cells."""
LEAD = 40
"""How many cells before the span are kept of a line that is cut."""

Cell = tuple[str, int]
"""What is printed for one character, and how many terminal cells it takes."""


def marked_line(line: str, span: Span, mark: str, width: int = MAX_WIDTH) -> tuple[str, str]:
    """The line as it is printed in ``width`` cells, and the marks below it; a span over several lines is marked on its
    first."""
    end = len(line) + 1 if span.end_line > span.line else span.end_column
    begin = min(span.column - 1, len(line))
    end = max(min(end - 1, len(line)), begin)
    offset = max(0, begin - 2 * MAX_WIDTH)
    cells = [_cell(character) for character in line[offset : begin + 2 * MAX_WIDTH]]
    more = len(line) > begin + 2 * MAX_WIDTH
    return _clip(cells, begin - offset, end - offset, mark, width, cut=(offset > 0, more))


def _clip(cells: list[Cell], begin: int, end: int, mark: str, width: int, cut: tuple[bool, bool]) -> tuple[str, str]:
    """Print the cells around ``begin`` in ``width`` columns; ``cut`` says which sides lack text."""
    left = 0
    if cut[0] or cut[1] or _width(cells) > width:
        left = begin
        # An escape may be wider than what the lead leaves of a narrow line.
        lead = min(LEAD, width // 2, width - _width(cells[begin : begin + 1]))
        while left and _width(cells[left - 1 : begin]) <= lead:
            left -= 1
    right = left
    used = 0
    while right < len(cells) and used + cells[right][1] <= width:
        used += cells[right][1]
        right += 1
    before = "…" if left or cut[0] else ""
    after = "…" if right < len(cells) or cut[1] else ""
    text = before + "".join(shown for shown, _ in cells[left:right]) + after
    indent = len(before) + _width(cells[left:begin])
    return text.rstrip(), " " * indent + mark * max(1, _width(cells[begin : min(end, right)]))


def _width(cells: list[Cell]) -> int:
    """How many terminal cells these take."""
    return sum(width for _, width in cells)


def _cell(character: str) -> Cell:
    """How one character of a line is printed."""
    if character == "\t":
        return TAB, len(TAB)
    shown = visible(character)
    if shown != character:
        return shown, len(shown)
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
