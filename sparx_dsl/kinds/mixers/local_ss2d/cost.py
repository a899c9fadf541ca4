"""The forward pass of ``local_ss2d``, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.cost import channel_attention, directional_scan
from sparx_dsl.kinds.mixers.local_ss2d.options import LocalSS2D
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import Tape


def forward(options: LocalSS2D, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """(batch, inner, or 2·inner with a gate, height, width) to (batch, channels, height, width).

    Windows that hang over the edge of the map count whole, because they are scanned whole, and every direction is as
    long as the longest.
    """
    inner, directions = options.inner(site.channels), options.orders()
    batch, _, height, width = projected.shape
    x = projected.part(1, inner)
    if options.conv:
        x = tape.activation(tape.depthwise(x, options.conv))
    longest = max(each.length(height, width) for each in directions)
    directional_scan(options, site, tape, tape.new(batch, longest, len(directions), inner))
    channel_attention(tape, tape.new(batch, len(directions), height, width, inner))
    y = tape.norm(site.norm, tape.new(batch, height, width, inner).permute(0, 3, 1, 2))
    if options.gate:
        y = tape.product(y, tape.activation(projected.part(1, inner)))
    return tape.convolution(y, site.channels, bias=options.bias)
