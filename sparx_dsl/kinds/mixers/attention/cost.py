"""The forward pass of attention over a whole map, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.attention.options import AttentionMixer
from sparx_dsl.kinds.position_attention_cost import position_attention
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: AttentionMixer, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """Query, key and value (batch, 3·channels, height, width) to (batch, channels, height, width)."""
    part = projected.part(1, site.channels)
    tokens = part.flatten(2)
    attended = position_attention(tape, options.head_count(site.channels), part, tokens, tokens, fvcore=True)
    return tape.convolution(attended, site.channels)
