"""LayerNorm over the channels of each place of channels-last maps, forward and backward.

A program has ROWS places at a time with all their channels. Maps are (places, channels), with ``pitch`` values from one
place to the next.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportGeneralTypeIssues=false, reportArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def centred(x, place, mask, channel, pitch, inner, epsilon):
    """The values of those places less their mean, and the inverse of their deviation, (rows, 1)."""
    at = (place.to(tl.int64) * pitch)[:, None] + channel[None, :]
    value = tl.load(x + at, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(value, axis=1) / inner
    apart = tl.where(mask, value - mean[:, None], 0.0)
    variance = tl.sum(apart * apart, axis=1) / inner
    return apart, (1.0 / tl.sqrt(variance + epsilon))[:, None]


@triton.jit
def position_norm(x, weight, bias, out, places, inner, pitch, epsilon, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """out (places, inner) = the norm of x. Programs: groups of ROWS places."""
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    channel = tl.arange(0, CHANNELS)
    inside = channel < inner
    mask = (place < places)[:, None] & inside[None, :]
    apart, inverse = centred(x, place, mask, channel, pitch, inner, epsilon)
    scale = tl.load(weight + channel, mask=inside, other=0.0).to(tl.float32)
    shift = tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32)
    y = apart * inverse * scale[None, :] + shift[None, :]
    at = (place.to(tl.int64) * inner)[:, None] + channel[None, :]
    tl.store(out + at, y.to(out.dtype.element_ty), mask=mask)


@triton.jit
def position_norm_backward(
    gradient, x, weight, out, partial, places, inner, pitch, span, epsilon,
    ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """out (places, inner) = the gradient of x; partial (programs, 2, inner): those of weight and bias.

    gradient (places, inner). Programs: parts of ``span`` places.
    """
    channel = tl.arange(0, CHANNELS)
    inside = channel < inner
    scale = tl.load(weight + channel, mask=inside, other=0.0).to(tl.float32)
    begin = tl.program_id(0) * span
    end = tl.minimum(begin + span, places)
    weight_sums = tl.zeros((ROWS, CHANNELS), tl.float32)
    bias_sums = tl.zeros((ROWS, CHANNELS), tl.float32)
    for start in range(begin, end, ROWS):
        place = start + tl.arange(0, ROWS)
        mask = (place < end)[:, None] & inside[None, :]
        apart, inverse = centred(x, place, mask, channel, pitch, inner, epsilon)
        normed = apart * inverse
        at = (place.to(tl.int64) * inner)[:, None] + channel[None, :]
        g = tl.load(gradient + at, mask=mask, other=0.0).to(tl.float32)
        weight_sums += g * normed
        bias_sums += g
        scaled = g * scale[None, :]
        mean = (tl.sum(scaled, axis=1) / inner)[:, None]
        along = (tl.sum(scaled * normed, axis=1) / inner)[:, None]
        tl.store(out + at, ((scaled - mean - normed * along) * inverse).to(out.dtype.element_ty), mask=mask)
    partial += tl.program_id(0).to(tl.int64) * 2 * inner
    tl.store(partial + channel, tl.sum(weight_sums, axis=0), mask=inside)
    tl.store(partial + inner + channel, tl.sum(bias_sums, axis=0), mask=inside)
