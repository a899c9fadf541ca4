"""The forward pass of downsampling by a strided convolution, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: ConvDownsample, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to half the height and width, rounded up."""
    convolved = tape.convolution(x, site.out_channels, 3, 2, bias=options.norm != "batch")
    return tape.norm(options.norm, convolved)
