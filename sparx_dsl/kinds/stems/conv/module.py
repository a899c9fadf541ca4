"""The convolutional stem of VMamba's and SparX-Mamba's released code: from an image to the first feature map."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.stems.conv.options import ConvStem
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import normed3x3
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.position import PositionEmbedding


class ConvolutionalStem(nn.Module):
    """3×3 convolutions with norms, two of them of stride 2, and GELU between them (SparX-Mamba, VMamba)."""

    def __init__(self, options: ConvStem, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        half, norm = max(1, site.out_channels // 2), options.norm
        self.convs = nn.ModuleList(
            (
                normed3x3(site.channels, half, 2, norm, **factory),
                *(normed3x3(half, half, 1, norm, **factory) for _ in range(options.convs - 2)),
                normed3x3(half, site.out_channels, 2, norm, **factory),
            )
        )
        height_width = options.embedded_size(site)
        embedded = options.position_embedding
        self.position = PositionEmbedding(site.out_channels, *height_width, **factory) if embedded else None

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, ⌈height / 4⌉, ⌈width / 4⌉)."""
        x = image
        *before, last = self.convs
        for conv in before:
            x = functional.gelu(conv(x))
        x = last(x)
        return x if self.position is None else self.position(x)
