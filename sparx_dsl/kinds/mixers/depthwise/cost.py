"""The forward pass of the depthwise mixer, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.depthwise.options import DepthwiseBlock
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: DepthwiseBlock, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    normed = tape.norm(site.norm, tape.depthwise(x, options.kernel))
    hidden = tape.convolution(normed, times(site.channels, options.ratio))
    return tape.convolution(tape.activation(hidden), site.channels)
