"""The plain feed-forward network, without the residual around it (Swin, section 3.1)."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.ffns.mlp.options import Mlp
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.convolution import pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.init import Factory


class PointwiseFfn(nn.Module):
    """1×1 to the hidden channels, GELU, 1×1 back (Swin, VMamba)."""

    def __init__(self, options: Mlp, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, hidden = site.channels, times(site.channels, options.ratio)
        self.expansion = pointwise(channels, hidden, **factory)
        self.contraction = pointwise(hidden, channels, **factory)
        self.dropout = options.dropout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        active = functional.dropout(functional.gelu(convolved(self.expansion, x)), self.dropout, self.training)
        return functional.dropout(convolved(self.contraction, active), self.dropout, self.training)
