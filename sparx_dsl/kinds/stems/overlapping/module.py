"""The overlapping patch embedding of PVTv2 (Wang et al. 2022, section 3.1) as a stem."""

from __future__ import annotations

from typing import Unpack

from sparx_dsl.kinds.stems.overlapping.options import OverlappingStem
from sparx_dsl.language.base import Site
from sparx_dsl.nn.convolution import ConvNorm, convolution
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


def build(options: OverlappingStem, site: Site, **factory: Unpack[Factory]) -> ConvNorm:
    """Make the strided convolution with its norm for that site."""
    size, channels = options.size, site.out_channels
    conv = convolution(site.channels, channels, size, stride=options.step, padding=size // 2, **factory)
    return ConvNorm(conv, make_norm(options.norm, channels, options.eps, **factory))
