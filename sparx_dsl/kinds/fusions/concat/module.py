"""Fusion by concatenation, the paper's baseline for its own (SparX, section 4.4)."""

from __future__ import annotations

from typing import Unpack

from sparx_dsl.kinds.fusions.concat.options import ConcatFusion
from sparx_dsl.kinds.fusions.conv_ffn import Concatenation
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.nn.init import Factory


def build(options: ConcatFusion, site: Site, **factory: Unpack[Factory]) -> Concatenation:
    """Make the concatenating fusion for that site."""
    channels = (1 + site.features) * site.channels
    return Concatenation(channels, times(site.channels, options.ratio), site.out_channels, **factory)
