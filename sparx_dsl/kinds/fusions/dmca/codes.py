"""What can be wrong with the options of ``dmca``."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors import CodeEntry
from sparx_dsl.kinds.fusions.codes import PROJECTION_TOO_NARROW

GROUPS_NOT_DIVIDING_CHANNELS: Final = "SPX213"

CODES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        GROUPS_NOT_DIVIDING_CHANNELS,
        "groups that do not divide the channels",
        "DMCA's channel-wise cross-attention runs in groups of channels, as many in each.",
        "layer: {mixer: {kind: ss2d}, fusion: {kind: dmca, groups: 3}}\n",
        "layer: {mixer: {kind: ss2d}, fusion: {kind: dmca, groups: 4}}\n",
    ),
    CodeEntry(
        PROJECTION_TOO_NARROW,
        "a projection too narrow for three groups",
        "DMCA, and its variant `sra`, give the mixer's projection in three groups of channels, so the mixer takes "
        "three channels or more. With `shortcut: false` DMCA has no groups there.",
        "layer: {mixer: {kind: ss2d, expand: 1}, fusion: {kind: dmca, groups: 1}}\n"
        "stages:\n  - {channels: 2, depth: 2, S: 1}\n",
        "layer: {mixer: {kind: ss2d, expand: 2}, fusion: {kind: dmca, groups: 1}}\n"
        "stages:\n  - {channels: 2, depth: 2, S: 1}\n",
    ),
)
