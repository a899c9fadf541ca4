"""What can be wrong with the options of ``ss2d``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

EVEN_KERNEL: Final = "SPX210"

CODES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        EVEN_KERNEL,
        "an even kernel",
        "A depthwise convolution of SS2D keeps the size of the map, so its kernel has a middle: its side is odd, or 0 "
        "for no convolution.",
        "layer: {mixer: {kind: ss2d, conv: 4}}\n",
        "layer: {mixer: {kind: ss2d, conv: 5}}\n",
    ),
)
