"""The feed-forward network of SparX-Mamba's released code, without the residual around it."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.ffns.conv.options import ConvFfn
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.convolution import convolve, depthwise, pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.init import Factory


class ConvolutionalFfn(nn.Module):
    """1×1 to the hidden channels, a residual depthwise 3×3, GELU, 1×1 back (SparX-Mamba)."""

    def __init__(self, options: ConvFfn, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, hidden = site.channels, times(site.channels, options.ratio)
        self.expansion = pointwise(channels, hidden, **factory)
        self.conv = depthwise(hidden, 3, **factory)
        self.contraction = pointwise(hidden, channels, **factory)
        self.dropout = options.dropout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        hidden = convolved(self.expansion, x)
        active = convolve(self.conv, hidden, residual=True, activation="gelu")
        active = functional.dropout(active, self.dropout, self.training)
        return functional.dropout(convolved(self.contraction, active), self.dropout, self.training)
