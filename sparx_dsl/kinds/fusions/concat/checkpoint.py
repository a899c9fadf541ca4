"""The weights of the concatenation for each feature."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.fusions.feature_axes import FeatureAxes, FeatureAxis

FEATURE_AXES: Final[FeatureAxes] = {"expansion.weight": FeatureAxis(1, before=1)}
"""The layer's own input comes before the features."""
