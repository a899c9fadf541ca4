"""The forward pass of the stem of patches that overlap, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.stems.overlapping.options import OverlappingStem
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: OverlappingStem, site: Site, tape: Tape, image: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to one position for each step, rounded up."""
    return tape.norm(options.norm, tape.convolution(image, site.out_channels, options.size, options.step))
