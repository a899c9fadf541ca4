"""The forward pass of the convolutional stem, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.stems.conv.options import ConvStem
from sparx_dsl.kinds.stems.position import embedded
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: ConvStem, site: Site, tape: Tape, image: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to a quarter of the height and width, rounded up."""
    half, bias = max(1, site.out_channels // 2), options.norm != "batch"
    x = tape.activation(tape.norm(options.norm, tape.convolution(image, half, 3, 2, bias=bias)))
    for _ in range(options.convs - 2):
        x = tape.activation(tape.norm(options.norm, tape.convolution(x, half, 3, bias=bias)))
    x = tape.norm(options.norm, tape.convolution(x, site.out_channels, 3, 2, bias=bias))
    return embedded(options, site, tape, x)
