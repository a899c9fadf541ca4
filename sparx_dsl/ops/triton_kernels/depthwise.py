"""Depthwise convolutions of channels-last maps with bias, residual and activation, forward.

Maps are (batch, height, width, channels), with ``pitch`` values from one place to the next.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportGeneralTypeIssues=false, reportArgumentType=false
# Triton has no types, and may be missing.
# ruff: noqa: RUF005
# Nor does it compile starred expressions.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.activation import activated, slope


@triton.jit
def read(x, second, third, place, present, channel, inside, inner, pitch, INTERLEAVED: tl.constexpr):
    """The values of places (rows,) for a block of channels, (rows, channels) in float32; 0 where they are not present.

    INTERLEAVED reads three maps of inner / 3 channels, concatenated and reordered to 0, 3, 6, …, 1, 4, ….
    """
    mask = present[:, None] & inside[None, :]
    if INTERLEAVED:
        each = inner // 3
        concatenated = channel % each * 3 + channel // each
        source, own = concatenated // each, concatenated % each
        at = (place * pitch)[:, None] + own[None, :]
        value = tl.load(x + at, mask=mask & (source == 0)[None, :], other=0.0).to(tl.float32)
        value += tl.load(second + at, mask=mask & (source == 1)[None, :], other=0.0).to(tl.float32)
        value += tl.load(third + at, mask=mask & (source == 2)[None, :], other=0.0).to(tl.float32)
    else:
        value = tl.load(x + (place * pitch)[:, None] + channel[None, :], mask=mask, other=0.0).to(tl.float32)
    return value


@triton.jit
def write(out, gradient, at, mask, y, ACTIVATION: tl.constexpr, GRADIENT: tl.constexpr):
    """Store the activation of y; with GRADIENT, its derivative there times the gradient."""
    if GRADIENT:
        y = slope(y, ACTIVATION) * tl.load(gradient + at, mask=mask, other=0.0).to(tl.float32)
    else:
        y = activated(y, ACTIVATION)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=mask)


@triton.jit
def bias_of(bias, channel, inside, HAS_BIAS: tl.constexpr):
    """The bias of each channel, (1, channels) in float32; zeros where there is none."""
    offset = tl.zeros((channel.shape[0],), tl.float32)
    if HAS_BIAS:
        offset = tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32)
    return offset[None, :]


@triton.jit(do_not_specialize=["strips"])
def depthwise_rows(
    x, second, third, weight, bias, gradient, out, height, width, inner, pitch, tap, lane, strips,
    KERNEL: tl.constexpr, TALL: tl.constexpr, WIDE: tl.constexpr, CHANNELS: tl.constexpr, HAS_BIAS: tl.constexpr,
    RESIDUAL: tl.constexpr, INTERLEAVED: tl.constexpr, ACTIVATION: tl.constexpr, GRADIENT: tl.constexpr,
):  # fmt: skip
    """Stride 1, maps of the same size: TALL rows of WIDE places at a time, so that each row is read KERNEL times.

    weight: ``tap`` values from one tap to the next, ``lane`` from one channel to the next. out and gradient (batch,
    height, width, inner). Programs: (blocks of places in a row · bands of ``strips`` · TALL rows, blocks of channels,
    batch).
    """
    HALF: tl.constexpr = KERNEL // 2
    columns = tl.cdiv(width, WIDE)
    column = tl.program_id(0) % columns * WIDE + tl.arange(0, WIDE)
    band = tl.program_id(0) // columns
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < inner
    image = tl.program_id(2).to(tl.int64)
    start = image * height * width * pitch
    x, second, third = x + start, second + start, third + start
    out, gradient = out + image * height * width * inner, gradient + image * height * width * inner
    taps = ()
    for k in tl.static_range(KERNEL * KERNEL):
        each = tl.load(weight + k * tap + channel * lane, mask=inside, other=0.0).to(tl.float32)
        taps = taps + (each[None, :],)
    offset = bias_of(bias, channel, inside, HAS_BIAS)
    for strip in range(strips):
        top = (band * strips + strip) * TALL
        sums = ()
        for _ in tl.static_range(TALL):
            sums = sums + (tl.broadcast_to(offset, WIDE, CHANNELS),)
        for j in tl.static_range(TALL + KERNEL - 1):
            row = top + j - HALF
            for k in tl.static_range(KERNEL):
                at_column = column + (k - HALF)
                present = (at_column >= 0) & (at_column < width) & (row >= 0) & (row < height)
                place = row * width + at_column
                value = read(x, second, third, place, present, channel, inside, inner, pitch, INTERLEAVED)
                added = ()
                for i in tl.static_range(TALL):
                    total = sums[i]
                    if (j >= i) and (j - i < KERNEL):
                        total += value * taps[(j - i) * KERNEL + k]
                        if RESIDUAL and (j - i == HALF) and (k == HALF):
                            total += value
                    added = added + (total,)
                sums = added
        for i in tl.static_range(TALL):
            mask = ((column < width) & (top + i < height))[:, None] & inside[None, :]
            at = (((top + i) * width + column) * inner)[:, None] + channel[None, :]
            write(out, gradient, at, mask, sums[i], ACTIVATION, GRADIENT)


@triton.jit
def depthwise_taps(
    x, second, third, weight, bias, gradient, out, height, width, out_height, out_width, inner, pitch, tap, lane,
    stride,
    KERNEL: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr, HAS_BIAS: tl.constexpr, RESIDUAL: tl.constexpr,
    INTERLEAVED: tl.constexpr, ACTIVATION: tl.constexpr, GRADIENT: tl.constexpr,
):  # fmt: skip
    """Any stride, padding KERNEL // 2: ROWS places of the result at a time, tap after tap; others as above.

    Programs: (groups of places, blocks of channels, batch).
    """
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < inner
    image = tl.program_id(2).to(tl.int64)
    start = image * height * width * pitch
    x, second, third = x + start, second + start, third + start
    out, gradient = out + image * out_height * out_width * inner, gradient + image * out_height * out_width * inner
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = place < out_height * out_width
    top, left = place // out_width * stride - KERNEL // 2, place % out_width * stride - KERNEL // 2
    sums = tl.broadcast_to(bias_of(bias, channel, inside, HAS_BIAS), ROWS, CHANNELS)
    for a in range(KERNEL):
        row = top + a
        for b in range(KERNEL):
            column = left + b
            present = there & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            value = read(x, second, third, row * width + column, present, channel, inside, inner, pitch, INTERLEAVED)
            each = tl.load(weight + (a * KERNEL + b) * tap + channel * lane, mask=inside, other=0.0).to(tl.float32)
            if RESIDUAL:
                each += tl.where((a == KERNEL // 2) & (b == KERNEL // 2), 1.0, 0.0)
            sums += value * each[None, :]
    at = (place * inner)[:, None] + channel[None, :]
    write(out, gradient, at, there[:, None] & inside[None, :], sums, ACTIVATION, GRADIENT)


@triton.jit
def depthwise_weight_gradient(
    gradient, x, partial, rows, height, width, out_height, out_width, inner, pitch, stride,
    KERNEL: tl.constexpr, WIDE: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """partial (programs, KERNEL² + 1, inner): the gradients of the taps, and of the bias, of every so many rows.

    gradient (batch, out_height, out_width, inner), with batch · out_height ``rows``. Programs: (parts, blocks of
    channels).
    """
    HALF: tl.constexpr = KERNEL // 2
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < inner
    totals = ()
    for _ in tl.static_range(KERNEL * KERNEL + 1):
        totals = totals + (tl.zeros((WIDE, CHANNELS), tl.float32),)
    for index in range(tl.program_id(0), rows, tl.num_programs(0)):
        image, out_row = (index // out_height).to(tl.int64), index % out_height
        x_image = x + image * height * width * pitch
        g_row = gradient + (image * out_height + out_row) * out_width * inner
        for first in range(0, out_width, WIDE):
            out_column = first + tl.arange(0, WIDE)
            there = out_column < out_width
            at = (out_column * inner)[:, None] + channel[None, :]
            g = tl.load(g_row + at, mask=there[:, None] & inside[None, :], other=0.0).to(tl.float32)
            added = ()
            for k in tl.static_range(KERNEL * KERNEL):
                row, column = out_row * stride + (k // KERNEL - HALF), out_column * stride + (k % KERNEL - HALF)
                present = there & (row >= 0) & (row < height) & (column >= 0) & (column < width)
                place = row * width + column
                value = read(x_image, x_image, x_image, place, present, channel, inside, inner, pitch, False)
                added = added + (totals[k] + g * value,)
            totals = added + (totals[KERNEL * KERNEL] + g,)
    partial += tl.program_id(0).to(tl.int64) * (KERNEL * KERNEL + 1) * inner
    for k in tl.static_range(KERNEL * KERNEL + 1):
        tl.store(partial + k * inner + channel, tl.sum(totals[k], axis=0), mask=inside)
