"""What can be wrong with the options of ``window_attention``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

CODES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        "SPX211",
        "heads that do not divide the channels",
        "The heads of window attention share the layer's channels evenly.",
        "layer: {mixer: {kind: window_attention, heads: 3}}\n",
        "layer: {mixer: {kind: window_attention, heads: 4}}\n",
    ),
    CodeEntry(
        "SPX212",
        "a width of heads that does not divide the channels",
        "Window attention has as many heads of `head_width` channels as the layer's channels make; none may be left "
        "over. Set `head_width`, or the number of `heads` itself.",
        "layer: {mixer: {kind: window_attention, head_width: 12}}\n",
        "layer: {mixer: {kind: window_attention, head_width: 8}}\n",
    ),
)
