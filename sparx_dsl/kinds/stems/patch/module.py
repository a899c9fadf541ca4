"""The patch embedding of Swin as a stem."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.language.base import NormName, Site
from sparx_dsl.nn.convolution import ConvNorm, Convolution
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class PatchEmbedding(nn.Module):
    """One convolution over patches that do not overlap, then a norm (Swin)."""

    def __init__(
        self, channels: int, out_channels: int, size: int, norm: NormName, **factory: Unpack[Factory]
    ) -> None:
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


def build(
    options: PatchStem,
    site: Site,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> PatchEmbedding:
    """Make the patch embedding for that site; its convolution has a bias whatever the norm."""
    return PatchEmbedding(
        site.channels, site.out_channels, options.size, options.norm, device=device, dtype=dtype
    )
