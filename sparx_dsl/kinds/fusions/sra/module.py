"""The aggregator with spatial-reduction attention (PVT, Wang et al. 2021) in place of the channel-wise one.

The SparX paper (section 4.4, "SRA") exchanges the attention only: the features are gathered, and X, Z and Y_v
mixed, as before. Key and value are reduced by the aggregator's own spatial reducers.
"""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from sparx_dsl.kinds.fusions.aggregator import Aggregator
from sparx_dsl.kinds.fusions.sra.options import SRA
from sparx_dsl.kinds.position_attention import attend_to_positions
from sparx_dsl.language.base import Site
from sparx_dsl.nn.init import Factory


class SpatialAggregator(Aggregator):
    """Features are selected, attended to position by position at a reduced size, and mixed with the input."""

    def __init__(self, options: SRA, site: Site, **factory: Unpack[Factory]) -> None:
        ratio = options.spatial_reduction(site)
        super().__init__(site, ratios=(1, ratio, ratio), shortcut=True, **factory)
        self.heads = options.head_count(site.channels)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        key, value = self.select(features)
        query, keys, values = self.query(x), self.key(key), self.value(value)
        attended = attend_to_positions(query, keys.flatten(2), values.flatten(2), self.heads)
        return self.mix(x, attended, value)
