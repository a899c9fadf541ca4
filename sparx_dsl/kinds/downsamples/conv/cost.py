"""The forward pass of downsampling by a strided convolution, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.downsamples.conv.options import ConvDownsample
from sparx_dsl.kinds.patches_cost import padded_to_patches
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: ConvDownsample, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the height and width over the stride."""
    first = options.norm_place == "before"
    if first:
        x = tape.norm(options.norm, x)
    if options.kernel == 2:
        x = padded_to_patches(tape, x, 2, options.remainder)
    padding = 1 if options.kernel == 3 else 0
    x = tape.convolution(x, site.out_channels, options.kernel, options.stride, padding, bias=options.bias)
    return x if first else tape.norm(options.norm, x)
