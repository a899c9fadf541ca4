"""The forward pass of the inverted residual block, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.inverted_residual.options import InvertedResidual
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: InvertedResidual, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    wide = options.hidden(site.channels)
    hidden = tape.relu(tape.norm("batch", tape.convolution(x, wide, bias=False)))
    hidden = tape.relu(tape.norm("batch", tape.depthwise(hidden, options.kernel, bias=False)))
    squeezed = tape.convolution(tape.pool(hidden, 1, 1, adaptive=True), options.squeezed(site.channels))
    factor = tape.relu(tape.convolution(tape.relu(squeezed), wide))
    return tape.norm("batch", tape.convolution(tape.product(hidden, factor), site.channels, bias=False))
