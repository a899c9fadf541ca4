"""The Conv-FFN of PVTv2 by which features are fused (SparX, section 4.4)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.nn.convolution import convolve, depthwise, pointwise
from sparx_dsl.nn.init import Factory


class Concatenation(nn.Module):
    """The input and the features concatenated, then 1×1, depthwise 3×3, GELU, 1×1."""

    def __init__(self, channels: int, hidden: int, out_channels: int, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.expansion = pointwise(channels, hidden, **factory)
        self.conv = depthwise(hidden, 3, **factory)
        self.projection = pointwise(hidden, out_channels, **factory)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(batch, C, height, width), (batch, L·C, height, width) to (batch, out_channels, height, width)."""
        hidden = self.expansion(torch.cat((x, features), dim=1))
        return self.projection(convolve(self.conv, hidden, activation="gelu"))
