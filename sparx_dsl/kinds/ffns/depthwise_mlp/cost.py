"""The forward pass of the feed-forward network with a depthwise convolution between, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.ffns.depthwise_mlp.options import DepthwiseMlp
from sparx_dsl.language.base import Site
from sparx_dsl.language.ratios import times
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: DepthwiseMlp, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    hidden = tape.convolution(x, times(site.channels, options.ratio))
    if options.relu:
        hidden = tape.relu(hidden)
    return tape.convolution(tape.activation(tape.depthwise(hidden, 3)), site.channels)
