"""The aggregator with spatial-reduction attention (PVT, Wang et al. 2021) in place of the channel-wise one.

The SparX paper (section 4.4, "SRA") exchanges the attention only: the features are gathered, and X, Z and Y_v
mixed, as before. Key and value are reduced by the aggregator's own spatial reducers.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from sparx_dsl.kinds.fusions.aggregator import Aggregator
from sparx_dsl.kinds.fusions.position_attention import attend_to_positions
from sparx_dsl.kinds.fusions.sra.options import SRA
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.nn.init import Factory


class SpatialAggregator(Aggregator):
    """Features are selected, attended to position by position at a reduced size, and mixed with the input."""

    def __init__(
        self,
        channels: int,
        features: int,
        out_channels: int,
        *,
        heads: int,
        ratio: int,
        norm: NormName,
        **factory: Unpack[Factory],
    ) -> None:
        ratios = (1, ratio, ratio)
        super().__init__(channels, features, out_channels, ratios=ratios, shortcut=True, norm=norm, **factory)
        self.heads = heads

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        key, value = self.select(features)
        query, keys, values = self.query(x), self.key(key), self.value(value)
        attended = attend_to_positions(query, keys.flatten(2), values.flatten(2), self.heads)
        return self.mix(x, attended, value)


def build(
    options: SRA, site: Site, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> SpatialAggregator:
    """Make the aggregator with spatial-reduction attention for that site."""
    return SpatialAggregator(
        site.channels,
        site.features,
        site.out_channels,
        heads=options.head_count(site.channels),
        ratio=options.spatial_reduction(site),
        norm=site.norm,
        device=device,
        dtype=dtype,
    )
