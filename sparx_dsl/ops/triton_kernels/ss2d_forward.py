"""The fused SS2D, forward: from the map and its projection to one map for each walk.

A walk is latency: each step waits for the state before it. So the four walks are programs side by side, as are the
segments that a walk is cut into, and AHEAD places are loaded before the recurrence over them begins.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportAssignmentType=false, reportGeneralTypeIssues=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false
# Triton has no types, and may be missing.
# ruff: noqa: RUF005
# Nor does it compile starred expressions.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.tile import LN_2
from sparx_dsl.ops.triton_kernels.time_steps import channel_row, rates_of, time_step_bits, time_values_of, weights_of
from sparx_dsl.ops.triton_kernels.walk import positions_of, values_of


@triton.jit
def advance(
    state, total, start, steps, x_row, value_row, y_row, direction, sizes, channel, inside, weights, rates, skip, first,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, GROUP: tl.constexpr, AHEAD: tl.constexpr,
    DOT: tl.constexpr, LOW: tl.constexpr, EVEN: tl.constexpr, WHOLE: tl.constexpr, WIDE: tl.constexpr,
    PRECISE: tl.constexpr, PTX: tl.constexpr, OUTPUT: tl.constexpr,
):  # fmt: skip
    """Walk each row's ``steps`` (a multiple of AHEAD) from ``start``; returns the states and the sum of time steps.

    state: a tuple of GROUP (rows, channels). With OUTPUT stores Σ C·h + D·u, else adds the time steps to ``total``.
    """
    VALUES: tl.constexpr = RANK + 2 * STATE
    inner = sizes[4]
    for done in range(0, steps, AHEAD):
        inputs, times, inward, outward, places, masks = (), (), (), (), (), ()
        for k in tl.static_range(AHEAD):
            position, valid = positions_of(start + done + k, direction, sizes, WIDE, EVEN)
            at = (position * inner)[:, None] + channel[None, :]
            mask = valid[:, None] & inside[None, :]
            x_at = x_row[:, None] + at
            u = tl.load(x_at) if EVEN and WHOLE else tl.load(x_at, mask=mask, other=0.0)
            value_at = value_row + position * (4 * VALUES)
            inputs, places, masks = inputs + (u,), places + (at,), masks + (mask,)
            times = times + time_values_of(value_at, RANK, RANK_BLOCK, DOT)
            inward = inward + values_of(value_at + RANK, STATE, GROUP, first)
            if OUTPUT:
                outward = outward + values_of(value_at + (RANK + STATE), STATE, GROUP, first)
        for k in tl.static_range(AHEAD):
            u = inputs[k].to(tl.float32)
            bits = time_step_bits(times, k, weights, u.shape[0], LOW, RANK, DOT, PRECISE, PTX)
            driven = bits * u
            y = skip * u
            reached = ()
            for n in tl.static_range(GROUP):
                into = (inward[k * GROUP + n].to(tl.float32) * LN_2)[:, None]
                h = tl.exp2(rates[n] * bits) * state[n] + driven * into
                reached = reached + (h,)
                if OUTPUT:
                    y += outward[k * GROUP + n].to(tl.float32)[:, None] * h
            state = reached
            if OUTPUT:
                if EVEN and WHOLE:
                    tl.store(y_row[:, None] + places[k], y.to(y_row.dtype.element_ty))
                else:
                    tl.store(y_row[:, None] + places[k], y.to(y_row.dtype.element_ty), mask=masks[k])
            else:
                total += bits
    return state, total


@triton.jit
def join(decay, reached, next_decay, next_reached):
    """Two affine maps of a state, one after the other."""
    return decay * next_decay, next_decay * reached + next_reached


@triton.jit(do_not_specialize=["batch", "multiplier", "shift", "steps", "segments"])
def walk_forward(
    x, projected, dt_weight, dt_bias, A, D, sums, totals, states,
    batch, length, width, multiplier, shift, inner, steps, segments,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, AHEAD: tl.constexpr, DOT: tl.constexpr, EVEN: tl.constexpr,
    WHOLE: tl.constexpr, WIDE: tl.constexpr, PRECISE: tl.constexpr, PTX: tl.constexpr, SPLIT: tl.constexpr,
    OUTPUT: tl.constexpr,
):  # fmt: skip
    """Walk one direction with GROUP states: ROWS segments of each of IMAGES images, for one block of channels.

    Programs: (groups of images · parts of ROWS segments · blocks of channels, groups of states · 4 directions). x
    (batch, length, inner); ``sums`` (groups of states · 4, batch, length, inner) are written.

    Where a program has all ``segments``, it walks them twice: from zero, to know what every segment starts from, and
    then for the results. With SPLIT it does one of the two, without OUTPUT or with it: float32 ``totals`` (groups · 4,
    batch, segments, inner) are the sums of the time steps over ln 2, and ``states`` (groups · 4, batch, GROUP,
    segments, inner) the states that segments end in, or for OUTPUT start from. EVEN says that no row has a step beyond
    the end, WHOLE that no channel is beyond the last. WIDE is for images of 2³¹ values or more.
    """
    VALUES: tl.constexpr = RANK + 2 * STATE
    LOW: tl.constexpr = tl.float32 if PRECISE else x.dtype.element_ty
    blocks, parts = tl.cdiv(inner, CHANNELS), tl.cdiv(segments, ROWS)
    block, others = tl.program_id(0) % blocks, tl.program_id(0) // blocks
    part, images = others % parts, others // parts
    own = tl.program_id(1)
    direction, first = own % 4, own // 4 * GROUP
    row = tl.arange(0, ROWS * IMAGES)
    segment = part * ROWS + row % ROWS
    image = images * IMAGES + row // ROWS
    present = (image < batch) & (segment < segments)
    image = tl.minimum(image, batch - 1).to(tl.int64)
    channel = block * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < inner
    parameter = direction * inner + channel
    sizes = (length, width, multiplier, shift, inner)
    x_row = x + image * length * inner
    value_row = projected + image * length * (4 * VALUES) + direction * VALUES
    walk = own.to(tl.int64) * batch + image
    y_row = sums + walk * length * inner
    weights = weights_of(dt_weight, dt_bias, parameter, inside, LOW, RANK, RANK_BLOCK, DOT)
    rates = rates_of(A, parameter, inside, first, STATE, GROUP)
    # Only one group of states adds what does not pass through them.
    skip = tl.where(first == 0, channel_row(D, parameter, inside), 0.0)
    total = tl.zeros((ROWS * IMAGES, CHANNELS), tl.float32)
    state = ()
    kept = (walk * segments + segment)[:, None] * inner + channel[None, :]
    kept_states = (walk * GROUP * segments + segment)[:, None] * inner + channel[None, :]
    kept_mask = present[:, None] & inside[None, :]
    for n in tl.static_range(GROUP):
        if SPLIT and OUTPUT:
            begun = tl.load(states + kept_states + n * segments.to(tl.int64) * inner, mask=kept_mask, other=0.0)
        else:
            begun = tl.zeros((ROWS * IMAGES, CHANNELS), tl.float32)
        state = state + (begun,)
    if not SPLIT and ROWS > 1:
        # Each row walks the segment before its own, so that the scan over rows gives it the state it starts from.
        begin = tl.maximum(segment - 1, 0) * steps
        state, total = advance(
            state, total, begin, steps, x_row, value_row, y_row, direction, sizes, channel, inside, weights, rates,
            skip, first, RANK, RANK_BLOCK, STATE, GROUP, AHEAD, DOT, LOW, EVEN, WHOLE, WIDE, PRECISE, PTX, False,
        )  # fmt: skip
        later = (segment > 0)[:, None]
        begun = ()
        for n in tl.static_range(GROUP):
            decay = tl.where(later, tl.exp2(rates[n] * total), 0.0)
            _, reached = tl.associative_scan((decay, tl.where(later, state[n], 0.0)), 0, join)
            begun = begun + (reached,)
        state = begun
    begin = tl.where(present, segment * steps, length)
    state, total = advance(
        state, total, begin, steps, x_row, value_row, y_row, direction, sizes, channel, inside, weights, rates,
        skip, first, RANK, RANK_BLOCK, STATE, GROUP, AHEAD, DOT, LOW, EVEN, WHOLE, WIDE, PRECISE, PTX, OUTPUT,
    )  # fmt: skip
    if SPLIT and not OUTPUT:
        tl.store(totals + kept, total, mask=kept_mask)
        for n in tl.static_range(GROUP):
            tl.store(states + kept_states + n * segments.to(tl.int64) * inner, state[n], mask=kept_mask)


@triton.jit(do_not_specialize=["segments"])
def scan_segments(
    totals, states, A, batch, segments, inner,
    STATE: tl.constexpr, GROUP: tl.constexpr, CHANNELS: tl.constexpr, AHEAD: tl.constexpr,
):  # fmt: skip
    """Replace the states that segments end in, begun from zero, by those that each starts from.

    Programs: (batch · blocks of channels, groups of states · 4 directions, GROUP). Tensors as in ``walk_forward``.
    """
    blocks = tl.cdiv(inner, CHANNELS)
    block, image = tl.program_id(0) % blocks, (tl.program_id(0) // blocks).to(tl.int64)
    own, n = tl.program_id(1), tl.program_id(2)
    channel = block * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < inner
    place = own // 4 * GROUP + n
    rate = tl.load(A + (own % 4 * inner + channel) * STATE + place, mask=inside & (place < STATE), other=0.0)
    totals += (own * batch + image) * segments * inner
    states += ((own * batch + image) * GROUP + n) * segments * inner
    state = tl.zeros((CHANNELS,), tl.float32)
    for done in range(0, segments, AHEAD):
        sums, lasts = (), ()
        for k in tl.static_range(AHEAD):
            at, mask = (done + k) * inner + channel, inside & (done + k < segments)
            sums = sums + (tl.load(totals + at, mask=mask, other=0.0),)
            lasts = lasts + (tl.load(states + at, mask=mask, other=0.0),)
        for k in tl.static_range(AHEAD):
            tl.store(states + (done + k) * inner + channel, state, mask=inside & (done + k < segments))
            state = tl.exp2(rate.to(tl.float32) * sums[k]) * state + lasts[k]


@triton.jit
def add_maps(maps, out, count, MAPS: tl.constexpr, BLOCK: tl.constexpr):
    """out (count,) = the sum of maps (MAPS, count), in float32, in order. Programs: blocks."""
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < count
    total = tl.zeros((BLOCK,), tl.float32)
    for each in range(MAPS):
        total += tl.load(maps + each * tl.cast(count, tl.int64) + at, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + at, total.to(out.dtype.element_ty), mask=mask)
