"""What can be wrong with the options that several fusions share."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

PROJECTION_TOO_NARROW: Final = "SPX214"
HEADS_NOT_DIVIDING_CHANNELS: Final = "SPX216"
HEAD_WIDTH_NOT_DIVIDING_CHANNELS: Final = "SPX217"

HEADED: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        HEADS_NOT_DIVIDING_CHANNELS,
        "heads of a fusion that do not divide the channels",
        "The heads of the fusions `sca` and `sra` divide the layer's channels equally.",
        "layer: {mixer: {kind: ss2d}, fusion: {kind: sra, heads: 3}}\n",
        "layer: {mixer: {kind: ss2d}, fusion: {kind: sra, heads: 4}}\n",
    ),
    CodeEntry(
        HEAD_WIDTH_NOT_DIVIDING_CHANNELS,
        "a width of a fusion's heads that does not divide the channels",
        "The fusions `sca` and `sra` have as many heads of `head_width` channels as the layer's channels make; none "
        "may be left over. Set `head_width`, or the number of `heads` itself.",
        "layer: {mixer: {kind: ss2d}, fusion: {kind: sca, head_width: 12}}\n",
        "layer: {mixer: {kind: ss2d}, fusion: {kind: sca, head_width: 8}}\n",
    ),
)
"""Those of fusions with heads."""
