"""Along which axes the tensors of fusions have a block for each feature that a layer reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FeatureAxis:
    """Along which axis a fusion's tensor has one block for each feature, and how many blocks stand before."""

    axis: int
    before: int = 0


FeatureAxes = Mapping[str, FeatureAxis]
"""For the tensors of a fusion that have a block for each feature, by their paths within its module."""


def norm_axes(module: str) -> dict[str, FeatureAxis]:
    """The tensors of a norm over the features."""
    return {f"{module}.{leaf}": FeatureAxis(0) for leaf in ("weight", "bias", "running_mean", "running_var")}


SELECTION_AXES: Final = {"selection.conv.weight": FeatureAxis(0), **norm_axes("norm"), **norm_axes("selection.norm")}
"""Those of the fusions that begin with a norm and a selection over the features."""
