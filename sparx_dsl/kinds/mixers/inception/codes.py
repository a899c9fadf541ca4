"""The codes of the problems of the inception mixer's options, explained."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry

TOO_FEW_CHANNELS_FOR_BRANCHES: Final = "SPX231"

CODES: Final = (
    CodeEntry(
        TOO_FEW_CHANNELS_FOR_BRANCHES,
        "too few channels for the branches of an inception mixer",
        "Each of the three convolutions of this mixer has one `branch`-th of the layer's channels, rounded down; the "
        "rest pass as they are. A branch has one channel at least.",
        "stages:\n  - {channels: 6, depth: 1, layer: {mixer: {kind: inception}}}\n",
        "stages:\n  - {channels: 6, depth: 1, layer: {mixer: {kind: inception, branch: 6}}}\n",
    ),
)
