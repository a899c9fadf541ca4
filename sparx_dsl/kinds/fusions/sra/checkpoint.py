"""The weights of SRA for each feature."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.fusions.feature_axes import SELECTION_AXES, FeatureAxes, FeatureAxis

FEATURE_AXES: Final[FeatureAxes] = {**SELECTION_AXES, "key_value.weight": FeatureAxis(1)}
