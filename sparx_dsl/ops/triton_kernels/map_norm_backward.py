"""GroupNorm of one group over channels-last maps, backward; maps and programs as in ``map_norm``."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportGeneralTypeIssues=false, reportArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.map_norm import part_of


@triton.jit
def map_norm_sums(
    gradient, x, statistics, partial, places, inner, pitch, span, ROWS: tl.constexpr, CHANNELS: tl.constexpr
):
    """partial (batch, parts, 2, inner): of the gradient times the normed map, and of the gradient, over each part."""
    image, part, channel, inside, begin, end = part_of(inner, places, span, ROWS, CHANNELS)
    mean, inverse = tl.load(statistics + image * 2), tl.load(statistics + image * 2 + 1)
    x += image * places * pitch
    gradient += image * places * inner
    row = tl.arange(0, ROWS)
    weight_sums = tl.zeros((ROWS, CHANNELS), tl.float32)
    bias_sums = tl.zeros((ROWS, CHANNELS), tl.float32)
    for place in range(begin, end, ROWS):
        mask = (place + row < end)[:, None] & inside[None, :]
        value = tl.load(x + ((place + row) * pitch)[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
        at = ((place + row) * inner)[:, None] + channel[None, :]
        g = tl.load(gradient + at, mask=mask, other=0.0).to(tl.float32)
        weight_sums += g * ((value - mean) * inverse)
        bias_sums += g
    parts = tl.num_programs(0) // tl.cdiv(inner, CHANNELS)
    partial += (image * parts + part) * 2 * inner
    tl.store(partial + channel, tl.sum(weight_sums, axis=0), mask=inside)
    tl.store(partial + inner + channel, tl.sum(bias_sums, axis=0), mask=inside)


@triton.jit
def map_norm_gradient(
    gradient, x, weight, statistics, means, out, places, inner, pitch, span,
    ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """out (batch, places, inner) = the gradient of x.

    means (batch, 2): those of the weighted gradient times the normed map, and of the weighted gradient, over the image.
    """
    image, _, channel, inside, begin, end = part_of(inner, places, span, ROWS, CHANNELS)
    mean, inverse = tl.load(statistics + image * 2), tl.load(statistics + image * 2 + 1)
    along, level = tl.load(means + image * 2), tl.load(means + image * 2 + 1)
    scale = tl.load(weight + channel, mask=inside, other=0.0).to(tl.float32)
    x += image * places * pitch
    gradient += image * places * inner
    out += image * places * inner
    row = tl.arange(0, ROWS)
    for place in range(begin, end, ROWS):
        mask = (place + row < end)[:, None] & inside[None, :]
        value = tl.load(x + ((place + row) * pitch)[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
        at = ((place + row) * inner)[:, None] + channel[None, :]
        g = tl.load(gradient + at, mask=mask, other=0.0).to(tl.float32) * scale[None, :]
        y = (g - level - (value - mean) * inverse * along) * inverse
        tl.store(out + at, y.to(out.dtype.element_ty), mask=mask)
