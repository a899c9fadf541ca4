"""The aggregator without its attention: query and value, fused by a Conv-FFN (SparX, section 4.4, "w/o GCCA")."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.kinds.fusions.aggregator import ReducedProjection, batch_normed_depthwise
from sparx_dsl.kinds.fusions.conv_ffn import Concatenation
from sparx_dsl.kinds.fusions.no_gcca.options import NoGcca
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.fused import gelu_of
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class QueryValueFusion(nn.Module):
    """The features become the value, the input the query, both as in the aggregator; a Conv-FFN fuses the two."""

    def __init__(
        self,
        channels: int,
        features: int,
        out_channels: int,
        *,
        hidden: int,
        norm: NormName,
        **factory: Unpack[Factory],
    ) -> None:
        super().__init__()
        read = features * channels
        self.norm = make_norm(norm, read, **factory)
        self.selection = batch_normed_depthwise(read, 3, 1, **factory)
        self.gathering = pointwise(read, channels, **factory)
        self.query = ReducedProjection(channels, 1, **factory)
        self.value = ReducedProjection(channels, 1, **factory)
        self.fusion = Concatenation(2 * channels, hidden, out_channels, **factory)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        normed = self.norm(features)
        selected = gelu_of(self.selection, normed, spent=normed is not features)
        value = self.value(gelu_of(self.gathering, selected))
        return self.fusion(self.query(x), value)


def build(
    options: NoGcca,
    site: Site,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> QueryValueFusion:
    """Make the fusion of query and value for that site."""
    return QueryValueFusion(
        site.channels,
        site.features,
        site.out_channels,
        hidden=options.ratio * site.channels,
        norm=site.norm,
        device=device,
        dtype=dtype,
    )
