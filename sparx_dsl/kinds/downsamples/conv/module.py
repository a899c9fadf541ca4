"""Downsampling by a strided convolution, as in VMamba's and SparX-Mamba's released code."""

from __future__ import annotations

from typing import Unpack

from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, normed3x3
from sparx_dsl.nn.init import Factory


def build(options: ConvDownsample, site: Site, **factory: Unpack[Factory]) -> ConvNorm:
    """Make the strided convolution with its norm for that site."""
    return normed3x3(site.channels, site.out_channels, 2, options.norm, **factory)
