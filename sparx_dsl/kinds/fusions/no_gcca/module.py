"""The aggregator without its attention: query and value, fused by a Conv-FFN (SparX, section 4.4, "w/o GCCA")."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.fusions.aggregator import ReducedProjection, batch_normed_depthwise
from sparx_dsl.kinds.fusions.conv_ffn import Concatenation
from sparx_dsl.kinds.fusions.no_gcca.options import NoGcca
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class QueryValueFusion(nn.Module):
    """The features become the value, the input the query, both as in the aggregator; a Conv-FFN fuses the two."""

    def __init__(self, options: NoGcca, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, read = site.channels, site.features * site.channels
        self.norm = make_norm(site.norm, read, site.eps, **factory)
        self.selection = batch_normed_depthwise(read, 3, 1, **factory)
        self.gathering = pointwise(read, channels, **factory)
        self.query = ReducedProjection(channels, 1, **factory)
        self.value = ReducedProjection(channels, 1, **factory)
        self.fusion = Concatenation(2 * channels, times(channels, options.ratio), site.out_channels, **factory)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        selected = functional.gelu(self.selection(self.norm(features)))
        value = self.value(functional.gelu(self.gathering(selected)))
        return self.fusion(self.query(x), value)
