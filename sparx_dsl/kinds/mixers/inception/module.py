"""The block of InceptionNeXt (Yu et al. 2024, section 3.2) without its scale and residual, which are the layer's."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.mixers.inception.options import SQUARE, InceptionBlock
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.convolution import depthwise, pointwise
from sparx_dsl.nn.init import Factory, initialised
from sparx_dsl.nn.norm import make_norm


class InceptionMixer(nn.Module):
    """Square, wide and tall depthwise convolutions on three parts of the channels, a norm, and an MLP.

    The first channels, most of them, pass by the convolutions.
    """

    def __init__(self, options: InceptionBlock, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        channels, hidden = site.channels, times(site.channels, options.ratio)
        branch = channels // options.branch
        self.parts = [channels - 3 * branch, branch, branch, branch]
        self.square = depthwise(branch, SQUARE, **factory)
        self.wide = band(branch, 1, options.band, **factory)
        self.tall = band(branch, options.band, 1, **factory)
        self.norm = make_norm(site.norm, channels, site.eps, **factory)
        self.expansion = pointwise(channels, hidden, **factory)
        self.contraction = pointwise(hidden, channels, **factory)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.contraction(functional.gelu(self.expansion(self.norm(self.convolved(x)))))

    def convolved(self, x: Tensor) -> Tensor:
        """What the convolutions make of the last channels, behind those that pass; of x's shape."""
        same, square, wide, tall = torch.split(x, self.parts, dim=1)
        return torch.cat((same, self.square(square), self.wide(wide), self.tall(tall)), dim=1)


def band(channels: int, rows: int, columns: int, **factory: Unpack[Factory]) -> nn.Conv2d:
    """Make a depthwise convolution of that many rows and columns, both odd, which keeps a map's size."""
    geometry = {"kernel_size": (rows, columns), "padding": (rows // 2, columns // 2), "groups": channels}
    return initialised(nn.Conv2d, channels, channels, **geometry, **factory)
