"""What can be wrong with the options of the stem ``conv``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

FIRST_STAGE_TOO_NARROW: Final = "SPX215"

CODES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        FIRST_STAGE_TOO_NARROW,
        "a first stage too narrow for its stem",
        "The convolutions of the stem `conv` but for the last have half of the first stage's channels. Half of one is "
        "none.",
        "stem: {kind: conv}\nstages:\n  - {channels: 1, depth: 2}\n",
        "stem: {kind: patch}\nstages:\n  - {channels: 1, depth: 2}\n",
    ),
)
