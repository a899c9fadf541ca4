"""The directions in which ``local_ss2d`` reads a map, by their names in a spec."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

NAMED: Final = re.compile(r"(?P<by>rows|columns|window(?P<side>[2-9]|[1-9][0-9]))(?P<reversed>_reversed)?")


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """One order of a map's positions: row by row, column by column, or row by row within windows, row by row of them.

    A map whose sides are no multiples of a window is padded with zeros below and right.
    """

    by: Literal["rows", "columns", "window"]
    side: int = 1
    """Side of a window."""
    reversed: bool = False

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the padded map."""
        return height + -height % self.side, width + -width % self.side

    def length(self, height: int, width: int) -> int:
        """How many positions are read of a map of that size."""
        rows, columns = self.size(height, width)
        return rows * columns


def scan_order(name: str) -> ScanOrder | None:
    """The direction of that name, as in ``rows``, ``columns_reversed``, ``window7``; None where it is none."""
    found = NAMED.fullmatch(name)
    if found is None:
        return None
    backwards = found["reversed"] is not None
    if found["side"] is not None:
        return ScanOrder("window", int(found["side"]), backwards)
    return ScanOrder("rows" if found["by"] == "rows" else "columns", reversed=backwards)
