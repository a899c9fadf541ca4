"""The weights of the concatenation for each feature."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.kinds.fusions.feature_axes import FeatureAxes, FeatureAxis
from sparx_dsl.kinds.slices import MIXER_INPUT, SliceBlocks

FEATURE_AXES: Final[FeatureAxes] = {"expansion.weight": FeatureAxis(1, before=1)}
"""The layer's own input comes before the features."""


def blocks(options: object) -> SliceBlocks:
    """The result is read by the mixer; ``FEATURE_AXES`` has the layer's input and the features."""
    del options
    return {"projection": {0: MIXER_INPUT}}


CHECKPOINT: Final = KindCheckpoint(blocks=blocks)
