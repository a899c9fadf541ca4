"""The weights of the fusion without GCCA for each feature."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.fusions.feature_axes import SELECTION_AXES, FeatureAxes, FeatureAxis
from sparx_dsl.kinds.slices import MIXER_INPUT, Blocks, SliceBlocks

FEATURE_AXES: Final[FeatureAxes] = {**SELECTION_AXES, "gathering.weight": FeatureAxis(1)}


def blocks(options: object) -> SliceBlocks:
    """Query and value are concatenated; the result is read by the mixer."""
    del options
    return {"fusion.expansion.weight": {1: Blocks(2)}, "fusion.projection": {0: MIXER_INPUT}}


CHECKPOINT: Final = KindCheckpoint(blocks=blocks)
