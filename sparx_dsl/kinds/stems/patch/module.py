"""The patch embedding as a stem: from an image to the first feature map (Swin, section 3.1)."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.stems.patch.options import PatchStem
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, convolution
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.nn.position import PositionEmbedding


class PatchEmbedding(nn.Module):
    """One convolution over patches that do not overlap, then a norm (Swin)."""

    def __init__(self, options: PatchStem, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.size = size = options.size
        conv = convolution(site.channels, site.out_channels, size, stride=size, **factory)
        self.embedding = ConvNorm(conv, make_norm(options.norm, site.out_channels, options.eps, **factory))
        height_width = options.embedded_size(site)
        embedded = options.position_embedding
        self.position = PositionEmbedding(site.out_channels, *height_width, **factory) if embedded else None

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, ⌈height / size⌉, ⌈width / size⌉)."""
        right, below = -image.shape[3] % self.size, -image.shape[2] % self.size
        # Padding by nothing would still copy the image.
        if right or below:
            image = functional.pad(image, (0, right, 0, below))
        x = self.embedding(image)
        return x if self.position is None else self.position(x)
