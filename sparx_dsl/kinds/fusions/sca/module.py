"""Spatial cross-attention to tokens of earlier features (FcaFormer, Zhang, Hu and Wang 2023), as a fusion.

The SparX paper (section 4.4, "SCA") puts it in the place of its own fusion. From FcaFormer come the large strided
depthwise convolution that merges a feature to few tokens, the learned factors that scale them, attention to own and
merged tokens at once, the residual around it, and the depthwise 3×3 with BatchNorm after it. Its position biases belong
to maps of one size and are left out: the layer's position encoding distinguishes positions.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.kinds.fusions.aggregator import batch_normed_depthwise
from sparx_dsl.kinds.fusions.sca.options import SCA
from sparx_dsl.kinds.position_attention import attend_to_positions
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class TokenMerging(nn.Module):
    """Features to key and value of few tokens. Parameter: scale (features, 1, 1, 1), a factor for each feature."""

    def __init__(self, options: SCA, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        ratio, read = options.merging, site.features * site.channels
        self.conv = depthwise(read, 2 * ratio - 1, stride=ratio, bias=False, **factory)
        self.scale = nn.Parameter(torch.empty(site.features, 1, 1, 1, **factory))
        self.norm = make_norm(site.norm, read, site.eps, **factory)
        self.key_value = pointwise(read, 2 * site.channels, **factory)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the factors to one in place."""
        nn.init.ones_(self.scale)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, L·C, height, width) to keys and values (batch, C, tokens).

        Of the rows and of the columns one in ``ratio`` is left, rounded up.
        """
        merged = torch.unflatten(self.conv(features), 1, (len(self.scale), -1)) * self.scale
        keys, values = self.key_value(self.norm(merged.flatten(1, 2))).flatten(2).chunk(2, dim=1)
        return keys, values


class TokenCrossAttention(nn.Module):
    """The input's positions attend to one another and to the merged tokens of the features."""

    def __init__(self, options: SCA, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels = site.channels
        self.heads = options.head_count(channels)
        self.merging = TokenMerging(options, site, **factory)
        self.query_key_value = pointwise(channels, 3 * channels, **factory)
        self.attended_projection = pointwise(channels, channels, **factory)
        self.enhancement = batch_normed_depthwise(channels, 3, 1, **factory)
        self.projection = pointwise(channels, site.out_channels, **factory)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        query, key, value = self.query_key_value(x).chunk(3, dim=1)
        merged_keys, merged_values = self.merging(features)
        keys = torch.cat((key.flatten(2), merged_keys), dim=2)
        values = torch.cat((value.flatten(2), merged_values), dim=2)
        attended = attend_to_positions(query, keys, values, self.heads)
        return self.projection(self.enhancement(x + self.attended_projection(attended)))
