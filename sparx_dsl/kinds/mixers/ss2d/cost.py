"""The forward pass of SS2D, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.ss2d.options import SS2D
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape

DIRECTIONS = 4


def forward(options: SS2D, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """(batch, inner, height, width) to (batch, channels, height, width)."""
    x, rank = projected, options.time_rank(site.channels)
    if options.conv:
        x = tape.activation(tape.depthwise(x, options.conv, bias=options.bias))
    batch, inner, height, width = x.shape
    values = tape.linear(x.permute(0, 2, 3, 1), DIRECTIONS * (rank + 2 * options.state))
    # From rank to time steps, direction by direction, within the scan's operator.
    tape.weight(DIRECTIONS, inner, rank)
    tape.multiply(DIRECTIONS * inner * rank * height * width)
    tape.selective_scan((x, values), DIRECTIONS * inner, height * width, options.state)
    scanned = tape.new(batch, height, width, inner).permute(0, 3, 1, 2)
    return tape.convolution(tape.norm(site.norm, scanned), site.channels, bias=options.bias)
