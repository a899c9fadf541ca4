"""The forward pass of ``atrous_ss2d``, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.atrous_ss2d.options import AtrousSS2D
from sparx_dsl.kinds.mixers.cost import channel_attention, directional_scan
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: AtrousSS2D, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """(batch, channels, height, width) to the same shape."""
    batch, channels, height, width = x.shape
    tape.convolution(tape.activation(tape.norm("batch", tape.depthwise(x, 3))), channels)
    _scans(options, site, tape, x)
    channel_attention(tape, tape.new(batch, 2, height, width, channels))
    return tape.new(batch, height, width, channels).permute(0, 3, 1, 2)


def _scans(options: AtrousSS2D, site: Site, tape: Tape, x: FakeTensor) -> FakeTensor:
    """The branch of the scans, which read the map padded to whole steps."""
    (batch, channels, height, width), inner, step = x.shape, options.inner(site.channels), options.step
    projected = tape.convolution(x, 2 * inner, bias=False)
    if options.conv:
        tape.activation(tape.depthwise(projected.part(1, inner), options.conv))
    gate = tape.activation(projected.part(1, inner))
    rows, columns = -(-height // step), -(-width // step)
    directional_scan(options, site, tape, tape.new(batch, rows * columns, step**2, inner))
    whole = tape.new(batch, step * rows, step * columns, inner).part(1, height).part(2, width)
    y = tape.product(tape.norm(site.norm, whole.permute(0, 3, 1, 2)), gate)
    return tape.convolution(y, channels, bias=False)
