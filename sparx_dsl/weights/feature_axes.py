"""How the weights of a fusion follow the features that it reads, when the layer reads others than before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.kinds.fusions.feature_axes import FeatureAxes, FeatureAxis
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.kind_options import load_facet
from sparx_dsl.registry import default_registry


def feature_axes(fusion: KindOptions) -> FeatureAxes | None:
    """Which values of a fusion's tensors belong to which feature; None where its kind does not say."""
    kind = default_registry().of("fusion", fusion)
    return cast(FeatureAxes | None, load_facet(kind, kind.feature_axes, "feature axes", Mapping))


@dataclass(frozen=True, slots=True)
class FeatureMatch:
    """Where the block of each feature comes from, in the order of the target's slots."""

    features: tuple[str, ...]
    """The target's features."""
    origins: tuple[int | None, ...]
    """For each of them its slot in the source; None for a feature that was not read there."""
    gone: tuple[str, ...]
    """The source's features that are read no more."""

    @property
    def same(self) -> bool:
        """Whether the same features are read in the same order."""
        return not self.gone and self.origins == tuple(range(len(self.origins)))

    def __str__(self) -> str:
        return "; ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        new = [name for name, slot in zip(self.features, self.origins, strict=True) if slot is None]
        kept = len(self.features) - len(new)
        yield f"{kept} of {len(self.features)} features kept" if new or self.gone else "features in another order"
        if new:
            yield f"as drawn for {', '.join(new)}"
        if self.gone:
            yield f"dropped {', '.join(self.gone)}"


def match_features(
    source: ConnectionGraph, source_layer: str, target: ConnectionGraph, target_layer: str, origins: Mapping[str, str]
) -> FeatureMatch:
    """Match the features that a layer reads now with those it read before; ``origins`` is target name → source name."""
    before = [edge.source for edge in source.features(source_layer)]
    now = tuple(edge.source for edge in target.features(target_layer))
    slots = tuple(before.index(origins[name]) if origins.get(name) in before else None for name in now)
    return FeatureMatch(now, slots, tuple(name for place, name in enumerate(before) if place not in slots))


def moved_blocks(found: Tensor, drawn: Tensor, match: FeatureMatch, place: FeatureAxis) -> Tensor | None:
    """The source's blocks in the target's order, and the target's own where there is none; None where they do not fit.

    ``found`` is the source's tensor, ``drawn`` the target's, of any shape; only along the axis may they differ.
    """
    axis, blocks = place.axis, place.before + len(match.features)
    width = drawn.shape[axis] // blocks
    others = [tuple(length for number, length in enumerate(each.shape) if number != axis) for each in (found, drawn)]
    before = place.before + len(match.gone) + sum(slot is not None for slot in match.origins)
    if others[0] != others[1] or found.shape[axis] != before * width:
        return None
    origins = [*range(place.before), *(None if slot is None else place.before + slot for slot in match.origins)]
    if not any(slot is not None for slot in match.origins) and not place.before:
        return None
    parts = [
        (drawn if origin is None else found).narrow(axis, (number if origin is None else origin) * width, width)
        for number, origin in enumerate(origins)
    ]
    return torch.cat([part.to(drawn.device, drawn.dtype) for part in parts], dim=axis)
