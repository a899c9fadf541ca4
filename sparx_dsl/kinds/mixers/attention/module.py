"""Multi-head self-attention over all positions of a map (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from sparx_dsl.kinds.mixers.attention.options import AttentionMixer
from sparx_dsl.kinds.position_attention import attend_to_positions
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.init import Factory


class GlobalAttention(nn.Module):
    """Attention of every position to every position, and the projection behind it."""

    def __init__(self, options: AttentionMixer, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.heads = options.head_count(site.channels)
        self.out_projection = pointwise(site.channels, site.channels, **factory)

    def forward(self, projected: Tensor) -> Tensor:
        """Query, key and value (batch, 3·channels, height, width) to (batch, channels, height, width)."""
        query, key, value = projected.chunk(3, dim=1)
        return self.out_projection(attend_to_positions(query, key.flatten(2), value.flatten(2), self.heads))
