"""The stems: an image becomes the first feature map."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.nn.convolution import ConvNorm, Convolution, normed3x3
from sparx_dsl.nn.fused import gelu_of
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.spec.options.base import NormName, Site
from sparx_dsl.spec.options.stems import ConvStem, PatchStem


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


class PatchEmbedding(nn.Module):
    """One convolution over patches that do not overlap, then a norm (Swin)."""

    def __init__(self, channels: int, out_channels: int, size: int, norm: NormName, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.size = size
        conv = Convolution(channels, out_channels, size, stride=size, **factory)
        self.embedding = ConvNorm(conv, make_norm(norm, out_channels, **factory))

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, ⌈height / size⌉, ⌈width / size⌉)."""
        right, below = -image.shape[3] % self.size, -image.shape[2] % self.size
        # Padding by nothing would still copy the image.
        if right or below:
            image = functional.pad(image, (0, right, 0, below))
        return self.embedding(image)


def build_conv(
    options: ConvStem,
    site: Site,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> ConvolutionalStem:
    """Make the stem of convolutions for that site."""
    return ConvolutionalStem(site.channels, site.out_channels, options.convs, options.norm, device=device, dtype=dtype)


def build_patch(
    options: PatchStem,
    site: Site,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> PatchEmbedding:
    """Make the patch embedding for that site; its convolution has a bias whatever the norm."""
    return PatchEmbedding(site.channels, site.out_channels, options.size, options.norm, device=device, dtype=dtype)
