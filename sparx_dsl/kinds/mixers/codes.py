"""What can be wrong with the heads of the mixers that attend."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

HEADS_NOT_DIVIDING_CHANNELS: Final = "SPX211"
HEAD_WIDTH_NOT_DIVIDING_CHANNELS: Final = "SPX212"

CODES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        HEADS_NOT_DIVIDING_CHANNELS,
        "heads that do not divide the channels",
        "The heads of an attention divide the layer's channels equally.",
        "layer: {mixer: {kind: window_attention, heads: 3}}\n",
        "layer: {mixer: {kind: window_attention, heads: 4}}\n",
    ),
    CodeEntry(
        HEAD_WIDTH_NOT_DIVIDING_CHANNELS,
        "a width of heads that does not divide the channels",
        "An attention has as many heads of `head_width` channels as the layer's channels make; none may be left "
        "over. Set `head_width`, or the number of `heads` itself.",
        "layer: {mixer: {kind: window_attention, head_width: 12}}\n",
        "layer: {mixer: {kind: window_attention, head_width: 8}}\n",
    ),
)
