"""The block of ConvNeXt (Liu et al. 2022, figure 4) without its scale and residual, which are the layer's."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.depthwise.options import DepthwiseBlock
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.convolution import convolve, depthwise, pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class DepthwiseMixer(nn.Module):
    """A depthwise convolution that mixes positions, a norm, and an MLP that mixes channels."""

    def __init__(self, options: DepthwiseBlock, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, hidden = site.channels, times(site.channels, options.ratio)
        self.conv = depthwise(channels, options.kernel, **factory)
        self.norm = make_norm(site.norm, channels, site.eps, **factory)
        self.expansion = pointwise(channels, hidden, **factory)
        self.contraction = pointwise(hidden, channels, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.contraction(functional.gelu(self.expansion(self.norm(convolve(self.conv, x)))))
