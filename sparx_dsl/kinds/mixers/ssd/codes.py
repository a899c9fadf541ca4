"""What can be wrong with the options of ``ssd``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

DUAL_HEADS_NOT_DIVIDING_CHANNELS: Final = "SPX261"
DUAL_HEAD_WIDTH_NOT_DIVIDING_CHANNELS: Final = "SPX262"

CODES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        DUAL_HEADS_NOT_DIVIDING_CHANNELS,
        "heads of a scan that do not divide the channels",
        "The heads of a state space dual divide the layer's channels equally.",
        "layer: {mixer: {kind: ssd, heads: 3}}\n",
        "layer: {mixer: {kind: ssd, heads: 4}}\n",
    ),
    CodeEntry(
        DUAL_HEAD_WIDTH_NOT_DIVIDING_CHANNELS,
        "a width of a scan's heads that does not divide the channels",
        "A state space dual has as many heads as the layer's channels make of `head_width`; none may be left over. Set "
        "`head_width`, or the number of `heads` itself.",
        "layer: {mixer: {kind: ssd, head_width: 12}}\n",
        "layer: {mixer: {kind: ssd, head_width: 8}}\n",
    ),
)
