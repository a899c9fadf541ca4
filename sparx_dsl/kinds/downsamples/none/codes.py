"""The codes of the problems of a missing downsampling, explained."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

WIDTH_CHANGES: Final = "SPX240"

CODES: Final = (
    CodeEntry(
        WIDTH_CHANGES,
        "another width without a downsampling",
        "Without a downsampling a stage takes the last map of the stage before as it is, so both have as many "
        "channels. A convolution of stride 1 changes the channels and keeps the size.",
        "downsample: {kind: none}\nstages:\n  - {channels: 16, depth: 1}\n  - {channels: 32, depth: 1}\n",
        "downsample: {kind: conv, stride: 1}\nstages:\n  - {channels: 16, depth: 1}\n  - {channels: 32, depth: 1}\n",
    ),
)
