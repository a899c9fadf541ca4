"""The forward pass of FcaFormer's cross-attention, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.fusions.sca.options import SCA
from sparx_dsl.kinds.position_attention_cost import position_attention
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: SCA, site: Site, tape: Tape, x: FakeTensor, features: FakeTensor) -> FakeTensor:
    """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
    channels, positions = site.channels, x.shape[2] * x.shape[3]
    own = tape.convolution(x, 3 * channels).part(1, channels)
    merged = merged_tokens(options, site, tape, features)
    tokens = tape.new(x.shape[0], channels, positions + merged.shape[2])
    attended = position_attention(tape, options.head_count(channels), own, tokens, tokens.copied())
    summed = tape.elementwise(x, tape.convolution(attended, channels))
    enhanced = tape.norm("batch", tape.depthwise(summed, 3, bias=False))
    return tape.convolution(enhanced, site.out_channels)


def merged_tokens(options: SCA, site: Site, tape: Tape, features: FakeTensor) -> FakeTensor:
    """The features merged, each times its factor, as key and value of tokens: (batch, 2·C, tokens)."""
    merged = tape.depthwise(features, 2 * options.merging - 1, options.merging, bias=False)
    apart = merged.unflatten(1, site.features, site.channels)
    tape.weight(site.features)
    tape.save(apart)
    scaled = tape.elementwise(apart, tape.new(site.features, 1, 1, 1)).flatten(1, 2)
    return tape.convolution(tape.norm(site.norm, scaled), 2 * site.channels).flatten(2)
