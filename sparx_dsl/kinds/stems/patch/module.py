"""The patch embedding as a stem: from an image to the first feature map (Swin, section 3.1; LV-ViT)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kinds.stems.patch.options import CONV_CHANNELS, PatchStem
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, convolution
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.nn.patches import padded_to_patches
from sparx_dsl.nn.position import PositionEmbedding


class PatchEmbedding(nn.Module):
    """One convolution over patches that do not overlap, then a norm (Swin), behind others if there are any."""

    def __init__(self, options: PatchStem, site: Site, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.size = size = options.size
        self.crops = options.remainder == "crop"
        self.convs = nn.ModuleList(_front(site.channels, options.convs, **factory))
        read = CONV_CHANNELS if options.convs else site.channels
        conv = convolution(read, site.out_channels, size, stride=size, **factory)
        norm = (
            nn.Identity()
            if options.norm == "none"
            else make_norm(options.norm, site.out_channels, options.eps, **factory)
        )
        self.embedding = ConvNorm(conv, norm)
        height_width = options.embedded_size(site)
        embedded = options.position_embedding
        self.position = PositionEmbedding(site.out_channels, *height_width, **factory) if embedded else None

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, …), one position for each patch."""
        x = image
        for conv in self.convs:
            x = functional.relu(conv(x))
        x = self.embedding(padded_to_patches(x, self.size, crops=self.crops))
        return x if self.position is None else self.position(x)


def _front(channels: int, convs: int, **factory: Unpack[Factory]) -> Iterator[ConvNorm]:
    """7×7 of stride 2, then 3×3 convolutions, each with BatchNorm and without bias."""
    for place in range(convs):
        read, kernel, stride = (CONV_CHANNELS, 3, 1) if place else (channels, 7, 2)
        geometry = {"stride": stride, "padding": kernel // 2}
        conv = convolution(read, CONV_CHANNELS, kernel, bias=False, **geometry, **factory)
        yield ConvNorm(conv, make_norm("batch", CONV_CHANNELS, **factory))
