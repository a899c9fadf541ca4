"""The forward pass of the inception mixer, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.inception.options import SQUARE, InceptionBlock
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.strides import count
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: InceptionBlock, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    branch = site.channels // options.branch
    part = x.part(1, branch)
    square = tape.depthwise(part, SQUARE)
    wide, tall = (_band(tape, part, options.band) for _ in range(2))
    joined = tape.concatenate((x.part(1, site.channels - 3 * branch), square, wide, tall))
    hidden = tape.convolution(tape.norm(site.norm, joined), times(site.channels, options.ratio))
    return tape.convolution(tape.activation(hidden), site.channels)


def _band(tape: Tape, x: FakeTensor, length: int) -> FakeTensor:
    """A depthwise convolution of one row or one column with bias, of x's shape."""
    tape.weight(x.shape[1], length + 1)
    tape.multiply(length * count(x.shape[1:]))
    tape.save(x)
    return x.like(*x.shape)
