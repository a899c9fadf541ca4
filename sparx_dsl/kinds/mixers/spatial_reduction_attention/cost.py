"""The forward pass of spatial-reduction attention, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.spatial_reduction_attention.options import POOLED_SIDE, SpatialReductionAttention
from sparx_dsl.kinds.position_attention_cost import position_attention
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: SpatialReductionAttention, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    channels = site.channels
    both = tape.convolution(_reduced(options, site, tape, x), 2 * channels, bias=options.qkv_bias).flatten(2)
    half = both.part(1, channels)
    query = tape.convolution(x, channels, bias=options.qkv_bias)
    attended = position_attention(tape, options.head_count(channels), query, half, half, fvcore=True)
    return tape.convolution(attended, channels)


def _reduced(options: SpatialReductionAttention, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The map that is attended to."""
    ratio = options.reduction
    if ratio == 1:
        return x
    if ratio == "pool":
        pooled = tape.pool(x, POOLED_SIDE, POOLED_SIDE, adaptive=True)
        return tape.activation(tape.norm(site.norm, tape.convolution(pooled, site.channels)))
    height, width = (max(side, ratio) for side in x.shape[2:])
    return tape.norm(site.norm, tape.convolution(tape.pad(x, height, width), site.channels, ratio, ratio, padding=0))
