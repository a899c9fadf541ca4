"""The stems: an image becomes the first feature map."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.kinds.stems.conv.options import ConvStem
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.nn.convolution import normed3x3
from sparx_dsl.nn.fused import gelu_of
from sparx_dsl.nn.init import Factory


class ConvolutionalStem(nn.Module):
    """3×3 convolutions with norms, two of them of stride 2, and GELU between them (SparX-Mamba, VMamba)."""

    def __init__(
        self, channels: int, out_channels: int, convs: int, norm: NormName, **factory: Unpack[Factory]
    ) -> None:
        super().__init__()
        half = max(1, out_channels // 2)
        self.convs = nn.ModuleList(
            (
                normed3x3(channels, half, 2, norm, **factory),
                *(normed3x3(half, half, 1, norm, **factory) for _ in range(convs - 2)),
                normed3x3(half, out_channels, 2, norm, **factory),
            )
        )

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, ⌈height / 4⌉, ⌈width / 4⌉)."""
        first, *middle, last = self.convs
        x = gelu_of(first, image)
        for conv in middle:
            x = gelu_of(conv, x)
        return last(x)


def build(
    options: ConvStem,
    site: Site,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> ConvolutionalStem:
    """Make the stem of convolutions for that site."""
    return ConvolutionalStem(
        site.channels, site.out_channels, options.convs, options.norm, device=device, dtype=dtype
    )
