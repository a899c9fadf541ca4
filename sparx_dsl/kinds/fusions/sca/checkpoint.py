"""The weights of SCA for each feature."""

from __future__ import annotations

from typing import Final

from sparx_dsl.kinds.fusions.feature_axes import FeatureAxes, FeatureAxis, norm_axes

FEATURE_AXES: Final[FeatureAxes] = {
    **norm_axes("merging.norm"),
    "merging.conv.weight": FeatureAxis(0),
    "merging.scale": FeatureAxis(0),
    "merging.key_value.weight": FeatureAxis(1),
}
