"""The forward pass of ``continuous_ss2d``, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.continuous_ss2d.options import ContinuousSS2D
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import INT64, Tape

DIRECTIONS, PATHS = 5, 4


def forward(options: ContinuousSS2D, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """(batch, inner, or 2·inner with a gate, height, width) to (batch, channels, height, width)."""
    inner = options.inner(site.channels)
    batch, _, height, width = projected.shape
    x = projected.part(1, inner)
    if options.conv:
        x = tape.activation(tape.depthwise(x, options.conv))
    _scans(options, site, tape, x)
    y = tape.new(batch, height, width, inner).permute(0, 3, 1, 2)
    if options.gate:
        y = tape.product(y, tape.activation(projected.part(1, inner)))
    return tape.convolution(y, site.channels, bias=options.bias)


def _scans(options: ContinuousSS2D, site: Site, tape: Tape, x: FakeTensor) -> None:
    """The products and the scans of a map (batch, inner, height, width).

    What the paths read and write is taken by indices, and so are the terms of B; autograd saves the three.
    """
    batch, inner, height, width = x.shape
    length, rank, state = height * width, options.time_rank(site.channels), options.state
    values = tape.linear(x.flatten(2, 3).transpose(1, 2), rank + 2 * state)
    tape.linear(values.part(2, rank), inner)
    tape.weight(DIRECTIONS, state)
    for _ in range(3):
        tape.save_new(length, PATHS, item=INT64)
    wide = tape.new(batch, length, PATHS, inner), tape.new(batch, length, PATHS, inner)
    operands = *wide, tape.new(batch, length, PATHS, state), tape.new(batch, length, PATHS, 2 * state)
    tape.selective_scan(operands, PATHS * inner, length, state, copies=PATHS)
