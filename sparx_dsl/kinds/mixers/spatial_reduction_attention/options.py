"""Options of the token mixer ``spatial_reduction_attention``."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sparx_dsl.kinds.mixers.attention_options import GlobalAttentionOptions
from sparx_dsl.kinds.mixers.options import MapMixer
from sparx_dsl.language.base import Epsilon, Site

POOLED_SIDE: Final = 7
"""The side of the map to which ``reduction: pool`` brings every map (PVTv2, section 3.2)."""


class SpatialReductionAttention(MapMixer, GlobalAttentionOptions, frozen=True):
    """Every position attends to all positions of a smaller map, which keys and values are made of (PVTv2)."""

    kind: Literal["spatial_reduction_attention"] = "spatial_reduction_attention"
    reduction: Annotated[int, Field(ge=1, le=64)] | Literal["pool"] = 1
    """By how much that map is smaller per side; ``pool`` for means over 7×7 areas, whatever the map's size."""
    eps: Epsilon | None = None
    """What the norm of the smaller map adds to the variance; by default as the layer's norms."""

    def norm_eps(self, site: Site) -> float:
        """What the norm of the smaller map adds to the variance."""
        return site.eps if self.eps is None else self.eps

    def canonical(self, site: Site) -> dict[str, Any]:
        """With the norm's epsilon as a number, where there is a norm."""
        return {**super().canonical(site), "eps": None if self.reduction == 1 else self.norm_eps(site)}
