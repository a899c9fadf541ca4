"""The forward pass of window attention, in shapes."""

from __future__ import annotations

from sparx_dsl.kinds.mixers.window_attention.options import WindowAttention
from sparx_dsl.language.base import Site
from sparx_dsl.pricing.tape.fake_tensor import FakeTensor
from sparx_dsl.pricing.tape.tape import BOOL, INT64, Tape


def forward(options: WindowAttention, site: Site, tape: Tape, projected: FakeTensor) -> FakeTensor:
    """Query, key and value (batch, 3·channels, height, width) to (batch, channels, height, width).

    Windows that hang over the edge of the map count whole, because they are computed whole. The places in the table of
    position biases and the mask are saved once, however many images there are.
    """
    batch, channels, height, width = projected.shape
    side, heads = options.window, options.head_count(site.channels)
    rows, columns, head_width = -(-height // side), -(-width // side), channels // (3 * heads)
    shifted = options.shift and site.number % 2 == 0 and side > 1 and min(height, width) > side
    x = tape.pad(projected, rows * side, columns * side)
    x = x.copied() if shifted else x
    parts = x.reshape(batch, 3, heads, head_width, rows, side, columns, side).permute(1, 0, 4, 6, 2, 5, 7, 3)
    each = parts.reshape(3, batch, rows * columns * heads, side * side, head_width).first_of()
    tape.weight((2 * side - 1) ** 2, heads)
    tape.save_new(side * side, side * side, item=INT64)
    tape.save_new(rows * columns, side * side, side * side, item=BOOL)
    attended = tape.biased_attention(each, each, each).reshape(batch, rows, columns, heads, side, side, head_width)
    result = attended.permute(0, 3, 6, 1, 4, 2, 5).reshape(batch, site.channels, rows * side, columns * side)
    result = result.copied() if shifted else result
    return tape.dropout(tape.convolution(result.part(2, height).part(3, width), site.channels), options.dropout)
