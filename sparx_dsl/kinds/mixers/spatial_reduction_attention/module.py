"""Spatial-reduction attention of PVTv2 (Wang et al. 2022, section 3), for maps of any height and width."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.spatial_reduction_attention.options import POOLED_SIDE, SpatialReductionAttention
from sparx_dsl.kinds.position_attention import attend_to_positions
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, convolution, pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.nn.patches import padded_to_patches


class ReducedAttention(nn.Module):
    """Attention of every position to a map that a strided convolution with a norm makes smaller, if it does.

    Rows and columns that fill no window of that convolution are left out, as in PVTv2's code; a map that is smaller
    than one window is padded to it with zeros, right and below.
    """

    def __init__(self, options: SpatialReductionAttention, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, ratio = site.channels, options.reduction
        self.heads = options.head_count(channels)
        # Pooled maps go through a convolution of one position.
        self.ratio = 1 if ratio == "pool" else ratio
        self.query = pointwise(channels, channels, bias=options.qkv_bias, **factory)
        self.reduction: nn.Module = nn.Identity()
        if ratio != 1:
            conv = convolution(channels, channels, self.ratio, stride=self.ratio, **factory)
            self.reduction = ConvNorm(conv, make_norm(site.norm, channels, options.norm_eps(site), **factory))
        self.key_value = pointwise(channels, 2 * channels, bias=options.qkv_bias, **factory)
        self.out_projection = pointwise(channels, channels, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        keys, values = self.key_value(self.reduced(x)).flatten(2).chunk(2, dim=1)
        return self.out_projection(attend_to_positions(self.query(x), keys, values, self.heads))

    def reduced(self, x: Tensor) -> Tensor:
        """The map that is attended to, (batch, channels, smaller height, smaller width)."""
        return self.reduction(padded_to_patches(x, self.ratio, crops=True))


class PooledAttention(ReducedAttention):
    """Attention of every position to 7×7 means of the map, which pass a 1×1 convolution, a norm and GELU (PVTv2)."""

    def reduced(self, x: Tensor) -> Tensor:
        """The map that is attended to, (batch, channels, 7, 7)."""
        return functional.gelu(self.reduction(functional.adaptive_avg_pool2d(x, POOLED_SIDE)))


def build(options: SpatialReductionAttention, site: Site, **factory: Unpack[Factory]) -> ReducedAttention:
    """Make the mixer for that site."""
    return (PooledAttention if options.reduction == "pool" else ReducedAttention)(options, site, **factory)
