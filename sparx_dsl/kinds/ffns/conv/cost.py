"""The forward pass of the feed-forward network with a residual depthwise convolution, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.ffns.conv.options import ConvFfn
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: ConvFfn, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    hidden = tape.convolution(x, times(site.channels, options.ratio))
    convolved = tape.elementwise(hidden, tape.depthwise(hidden, 3))
    active = tape.dropout(tape.activation(convolved), options.dropout)
    return tape.dropout(tape.convolution(active, site.channels), options.dropout)
