"""The codes of the problems of the convolutional downsampling's options, explained."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

STRIDE_OF_PATCHES: Final = "SPX241"
REMAINDER_WITHOUT_PATCHES: Final = "SPX242"

CODES: Final = (
    CodeEntry(
        STRIDE_OF_PATCHES,
        "a stride that is not the side of the patches",
        "With `kernel: 2` the downsampling reads patches of 2×2 that do not overlap, so its stride is 2.",
        "downsample: {kind: conv, kernel: 2, stride: 4}\n",
        "downsample: {kind: conv, kernel: 3, stride: 4}\n",
    ),
    CodeEntry(
        REMAINDER_WITHOUT_PATCHES,
        "a remainder of no patches",
        "A 3×3 convolution with padding reads every row and column of its map, so no remainder is left to be cropped.",
        "downsample: {kind: conv, remainder: crop}\n",
        "downsample: {kind: conv, kernel: 2, remainder: crop}\n",
    ),
)
