"""What can be wrong with the options of ``local_ss2d``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

UNKNOWN_DIRECTION: Final = "SPX250"

CODES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        UNKNOWN_DIRECTION,
        "an unknown direction",
        "A map is read by rows, by columns, or row by row within windows of a side from 2 to 99, as in window7; with "
        "_reversed behind the name, from the end.",
        "layer: {mixer: {kind: local_ss2d, directions: [rows, diagonal]}}\n",
        "layer: {mixer: {kind: local_ss2d, directions: [rows, window2_reversed]}}\n",
    ),
)
