"""GroupNorm of one group over channels-last maps, forward: statistics by many programs, applied by many others.

A map is (places, channels) with ``pitch`` values from one place to the next. Each part of a map, some places of a block
of channels, is summarised by count, mean and the sum of squared deviations, which are joined without cancellation
(Chan, Golub and LeVeque 1983).
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
def part_of(inner, places, span, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """A program's image, part, channels, which of these there are, and the places from where to where."""
    blocks = tl.cdiv(inner, CHANNELS)
    part = tl.program_id(0) // blocks
    channel = tl.program_id(0) % blocks * CHANNELS + tl.arange(0, CHANNELS)
    begin = part * span
    return tl.program_id(1).to(tl.int64), part, channel, channel < inner, begin, tl.minimum(begin + span, places)


@triton.jit
def map_statistics(x, moments, places, inner, pitch, span, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """Write (mean, squared deviations, count) of each part: moments (batch, parts · blocks of channels, 3).

    Programs: (parts · blocks of channels, batch).
    """
    image, _, channel, inside, begin, end = part_of(inner, places, span, ROWS, CHANNELS)
    x += image * places * pitch
    # Any value of the part: what is summed is then as small as its deviations.
    first = tl.program_id(0) % tl.cdiv(inner, CHANNELS) * CHANNELS
    pivot = tl.load(x + begin * pitch + first).to(tl.float32)
    row = tl.arange(0, ROWS)
    sums = tl.zeros((ROWS, CHANNELS), tl.float32)
    squares = tl.zeros((ROWS, CHANNELS), tl.float32)
    for place in range(begin, end, ROWS):
        mask = (place + row < end)[:, None] & inside[None, :]
        value = tl.load(x + ((place + row) * pitch)[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
        value = tl.where(mask, value - pivot, 0.0)
        sums += value
        squares += value * value
    count = ((end - begin) * tl.minimum(CHANNELS, inner - first)).to(tl.float32)
    shift = tl.sum(tl.sum(sums, axis=1), axis=0) / count
    deviations = tl.sum(tl.sum(squares, axis=1), axis=0) - count * shift * shift
    moments += (image * tl.num_programs(0) + tl.program_id(0)) * 3
    tl.store(moments, pivot + shift)
    tl.store(moments + 1, tl.maximum(deviations, 0.0))
    tl.store(moments + 2, count)


@triton.jit
def joined(moments, image, parts, epsilon, PARTS: tl.constexpr):
    """The mean of an image and the inverse of its deviation, from the moments of all its parts."""
    part = tl.arange(0, PARTS)
    known = part < parts
    at = moments + (image * parts + part) * 3
    count = tl.load(at + 2, mask=known, other=0.0)
    means = tl.load(at, mask=known, other=0.0)
    total = tl.sum(count, axis=0)
    mean = tl.sum(count * means, axis=0) / total
    apart = tl.where(known, means - mean, 0.0)
    squares = tl.load(at + 1, mask=known, other=0.0) + count * apart * apart
    return mean, 1.0 / tl.sqrt(tl.sum(squares, axis=0) / total + epsilon)


@triton.jit(do_not_specialize=["parts"])
def map_norm_apply(
    x, moments, weight, bias, out, statistics, places, inner, pitch, span, parts, epsilon,
    PARTS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """out (batch, places, inner) = the norm of x; statistics (batch, 2): the mean, and the deviation inverted.

    Programs as in ``map_statistics``; ``parts`` is the number of moments of an image, at most PARTS.
    """
    image, _, channel, inside, begin, end = part_of(inner, places, span, ROWS, CHANNELS)
    mean, inverse = joined(moments, image, parts, epsilon, PARTS)
    if tl.program_id(0) == 0:
        tl.store(statistics + image * 2, mean)
        tl.store(statistics + image * 2 + 1, inverse)
    scale = tl.load(weight + channel, mask=inside, other=0.0).to(tl.float32) * inverse
    shift = tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32) - mean * scale
    x += image * places * pitch
    out += image * places * inner
    row = tl.arange(0, ROWS)
    for place in range(begin, end, ROWS):
        mask = (place + row < end)[:, None] & inside[None, :]
        value = tl.load(x + ((place + row) * pitch)[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
        y = value * scale[None, :] + shift[None, :]
        at = out + ((place + row) * inner)[:, None] + channel[None, :]
        tl.store(at, y.to(out.dtype.element_ty), mask=mask)


@triton.jit
def map_norm_whole(
    x, weight, bias, out, statistics, places, inner, pitch, epsilon, DENSE: tl.constexpr, BLOCK: tl.constexpr
):
    """The same by one program for an image, which reads it a second time from cache. Programs: (batch,).

    With DENSE the pitch is ``inner``.
    """
    image = tl.program_id(0).to(tl.int64)
    x += image * places * pitch
    out += image * places * inner
    count = places * inner
    pivot = tl.load(x).to(tl.float32)
    lane = tl.arange(0, BLOCK)
    sums = tl.zeros((BLOCK,), tl.float32)
    squares = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, count, BLOCK):
        index = start + lane
        at = index if DENSE else index // inner * pitch + index % inner
        value = tl.load(x + at, mask=index < count, other=0.0).to(tl.float32)
        value = tl.where(index < count, value - pivot, 0.0)
        sums += value
        squares += value * value
    shift = tl.sum(sums, axis=0) / count
    variance = tl.maximum(tl.sum(squares, axis=0) / count - shift * shift, 0.0)
    mean, inverse = pivot + shift, 1.0 / tl.sqrt(variance + epsilon)
    tl.store(statistics + image * 2, mean)
    tl.store(statistics + image * 2 + 1, inverse)
    for start in range(0, count, BLOCK):
        index = start + lane
        channel = index % inner
        at = index if DENSE else index // inner * pitch + channel
        mask = index < count
        scale = tl.load(weight + channel, mask=mask, other=0.0).to(tl.float32) * inverse
        shift_by = tl.load(bias + channel, mask=mask, other=0.0).to(tl.float32) - mean * scale
        y = tl.load(x + at, mask=mask, other=0.0).to(tl.float32) * scale + shift_by
        tl.store(out + index, y.to(out.dtype.element_ty), mask=mask)
