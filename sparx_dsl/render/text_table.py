"""Tables as plain text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sparx_dsl.errors.escape import visible

WIDTH = 118
"""Characters of a line, by default."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, and whether it holds numbers (flush right)."""

    heading: str
    number: bool = False


def text_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], total: Sequence[str] | None = None, *, width: int
) -> str:
    """A table of at most ``width`` characters a line, without colour; no text is taken for markup."""
    # Loading rich takes as long as making a dozen tables.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_footer=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(Text(visible(column.heading)), justify="right" if column.number else "left")
    body = list(rows)
    for place, row in enumerate(body):
        table.add_row(*(Text(visible(cell)) for cell in row), end_section=total is not None and place == len(body) - 1)
    if total is not None:
        table.add_row(*(Text(visible(cell)) for cell in total))
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, force_jupyter=False,
                      legacy_windows=False)  # fmt: skip
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())
