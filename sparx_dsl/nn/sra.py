"""DMCA with spatial-reduction attention (PVT, Wang et al. 2021) in place of the channel-wise one.

The SparX paper (section 4.4, "SRA") exchanges the attention only: the features are gathered, and X, Z and Y_v
mixed, as in DMCA. Key and value are reduced by DMCA's own spatial reducers.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.nn.dmca import Aggregator
from sparx_dsl.nn.init import Factory
from sparx_dsl.spec.options.base import NormName, Site
from sparx_dsl.spec.options.fusions import SRA


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


def attend_to_positions(query: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """Multi-head attention of every position of a map to the tokens, scaled by 1/sqrt(channels of a head).

    query (batch, C, height, width), keys and values (batch, C, tokens); gives the shape of the query. A head has
    C/heads consecutive channels.
    """
    # Fused attention wants the channels of a head side by side in memory.
    own, others, contents = (
        torch.unflatten(each, 1, (heads, -1)).transpose(-2, -1).contiguous()
        for each in (query.flatten(2), keys, values)
    )
    attended = functional.scaled_dot_product_attention(own, others, contents)
    return attended.transpose(-2, -1).reshape(query.shape)


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
