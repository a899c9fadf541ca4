"""The feed-forward network of PVTv2 (Wang et al. 2022, section 3.3), without the residual around it."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.ffns.depthwise_mlp.options import DepthwiseMlp
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.init import Factory


class DepthwiseFfn(nn.Module):
    """1×1 to the hidden channels, a depthwise 3×3, GELU, 1×1 back (PVTv2)."""

    def __init__(self, options: DepthwiseMlp, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, hidden = site.channels, times(site.channels, options.ratio)
        self.relu = options.relu
        self.expansion = pointwise(channels, hidden, **factory)
        self.conv = depthwise(hidden, 3, **factory)
        self.contraction = pointwise(hidden, channels, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        hidden = convolved(self.expansion, x)
        return self.contraction(functional.gelu(self.conv(functional.relu(hidden) if self.relu else hidden)))
