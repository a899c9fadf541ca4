"""The inverted residual block without its residual, which is the layer's (MobileNetV3, Howard et al. 2019)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.inverted_residual.options import InvertedResidual
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, depthwise, pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class InvertedResidualMixer(nn.Module):
    """To more channels, a depthwise convolution, a factor for each channel, and back."""

    def __init__(self, options: InvertedResidual, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, hidden, squeezed = (
            site.channels,
            options.hidden(site.channels),
            options.squeezed(site.channels),
        )
        self.expansion = ConvNorm(
            pointwise(channels, hidden, bias=False, **factory), make_norm("batch", hidden, **factory)
        )
        self.conv = ConvNorm(
            depthwise(hidden, options.kernel, bias=False, **factory), make_norm("batch", hidden, **factory)
        )
        self.squeeze = pointwise(hidden, squeezed, **factory)
        self.excitation = pointwise(squeezed, hidden, **factory)
        self.contraction = ConvNorm(
            pointwise(hidden, channels, bias=False, **factory), make_norm("batch", channels, **factory)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        hidden = functional.relu(self.conv(functional.relu(self.expansion(x))))
        squeezed = functional.relu(self.squeeze(functional.adaptive_avg_pool2d(hidden, 1)))
        return self.contraction(hidden * torch.sigmoid(self.excitation(squeezed)))
