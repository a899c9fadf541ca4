"""Downsampling by a strided convolution, as in VMamba's, SparX-Mamba's and ConvNeXt's released code."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, convolution
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.nn.patches import padded_to_patches


class PatchDownsampling(nn.Module):
    """A strided convolution on a map that is padded, or cropped, to patches of the side ``size``.

    The norm stands in front of it or behind.
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.Module, size: int, *, crops: bool, norm_first: bool) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm
        self.size = size
        self.crops = crops
        self.norm_first = norm_first

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, …), height and width over the stride."""
        if self.norm_first:
            x = self.norm(x)
        x = self.conv(padded_to_patches(x, self.size, crops=self.crops))
        return x if self.norm_first else self.norm(x)


def build(options: ConvDownsample, site: Site, **factory: Unpack[Factory]) -> ConvNorm | PatchDownsampling:
    """Make the strided convolution with its norm for that site."""
    first, kernel = options.norm_place == "before", options.kernel
    padding = 1 if kernel == 3 else 0
    geometry = {"stride": options.stride, "padding": padding}
    conv = convolution(site.channels, site.out_channels, kernel, **geometry, bias=options.bias, **factory)
    norm = make_norm(options.norm, site.channels if first else site.out_channels, options.eps, **factory)
    if kernel == 3 and not first:
        return ConvNorm(conv, norm)
    size, crops = 1 if kernel == 3 else kernel, options.remainder == "crop"
    return PatchDownsampling(conv, norm, size, crops=crops, norm_first=first)
