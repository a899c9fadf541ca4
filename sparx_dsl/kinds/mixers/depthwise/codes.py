"""The codes of the problems of the depthwise mixer's options, explained."""

from __future__ import annotations

from sparx_dsl.errors import CodeEntry

EVEN_DEPTHWISE_KERNEL = "SPX230"

CODES = (
    CodeEntry(
        EVEN_DEPTHWISE_KERNEL,
        "an even depthwise kernel",
        "The depthwise convolution of this mixer keeps the size of the map, which takes an odd kernel.",
        "stages:\n  - {channels: 16, depth: 1, layer: {mixer: {kind: depthwise, kernel: 6}}}\n",
        "stages:\n  - {channels: 16, depth: 1, layer: {mixer: {kind: depthwise, kernel: 7}}}\n",
    ),
)
