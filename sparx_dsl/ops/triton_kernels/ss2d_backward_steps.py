"""The two passes of the fused SS2D's backward over the segments of its walks, which advance side by side.

With Δ the time steps, h the states and g the gradient of the result, h[t] = exp(Δ·A)·h[t−1] + Δ·B·u; the adjoint of a
state is λ[t] = g·C + exp(Δ[t+1]·A)·λ[t+1], and every gradient is a product of these. Along the walk the first pass
keeps, every AHEAD places, the states from zero at the start of a segment and the decay since then. That gives each
segment its first state, its last adjoint, and, where the second pass needs the states, all but AHEAD of their steps.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportGeneralTypeIssues=false
# Triton has no types, and may be missing.
# ruff: noqa: RUF005
# Nor does it compile starred expressions.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.tile import LN_2, LOG2_E, softplus_slope
from sparx_dsl.ops.triton_kernels.tiles import keep_tile, kept_tile, read_tile, write_tile
from sparx_dsl.ops.triton_kernels.time_steps import product, time_step_bits, time_values_of
from sparx_dsl.ops.triton_kernels.walk import positions_of, values_of


@triton.jit
def copies(value, COUNT: tl.constexpr):
    """A tuple of that many of it."""
    found = ()
    for _ in tl.static_range(COUNT):
        found = found + (value,)
    return found


@triton.jit
def read_places(
    begin, maps, direction, sizes, memory, here, first,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr,
    CHANNELS: tl.constexpr, AHEAD: tl.constexpr, EVEN: tl.constexpr, WHOLE: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Load the AHEAD places from that step on: their inputs, gradients, time values, B, C, pointers and masks."""
    x_row, gradient_row, value_row, _, _ = maps
    inputs, gradients, times, inward, outward, positions, valid = (), (), (), (), (), (), ()
    for k in tl.static_range(AHEAD):
        position, good = positions_of(begin + k, direction, sizes, WIDE, EVEN)
        at = (position * sizes[4])[None, :, None] + memory
        mask = good[None, :, None] & here
        inputs = inputs + (read_tile(x_row + at, mask, ROWS, CHANNELS, EVEN and WHOLE),)
        gradients = gradients + (read_tile(gradient_row + at, mask, ROWS, CHANNELS, EVEN and WHOLE),)
        value_at = value_row + position * (4 * (RANK + 2 * STATE))
        times = times + time_values_of(value_at, RANK, RANK_BLOCK, True)
        inward = inward + values_of(value_at + RANK, STATE, GROUP, first)
        outward = outward + values_of(value_at + (RANK + STATE), STATE, GROUP, first)
        positions, valid = positions + (position,), valid + (good,)
    return inputs, gradients, times, inward, outward, positions, valid


@triton.jit
def first_pass(
    start, steps, maps, kept, direction, sizes, memory, here, weights, rates, first,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr,
    CHANNELS: tl.constexpr, AHEAD: tl.constexpr, CUT: tl.constexpr, LOW: tl.constexpr, EVEN: tl.constexpr,
    WHOLE: tl.constexpr, WIDE: tl.constexpr, PRECISE: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """Along the walk: keeps states, and with CUT decays; the last states, decays, first adjoints, and Σ g·u.

    The adjoint that a segment begins with is Σ decay·g·C: no recurrence of its own.
    """
    TILE: tl.constexpr = ROWS * CHANNELS
    PARTS: tl.constexpr = GROUP * (2 if CUT else 1)
    zero = tl.zeros((ROWS, CHANNELS), tl.float32)
    state, decay, adjoint = copies(zero, GROUP), copies(zero + 1.0, GROUP), copies(zero, GROUP)
    skipped = zero
    for done in range(0, steps, AHEAD):
        inputs, gradients, times, inward, outward, _, _ = read_places(
            start + done, maps, direction, sizes, memory, here, first,
            RANK, RANK_BLOCK, STATE, GROUP, ROWS, CHANNELS, AHEAD, EVEN, WHOLE, WIDE,
        )  # fmt: skip
        for n in tl.static_range(GROUP):
            at = kept + (done // AHEAD * PARTS + n) * TILE
            keep_tile(at, state[n], ROWS, CHANNELS)
            if CUT:
                keep_tile(at + GROUP * TILE, decay[n], ROWS, CHANNELS)
        for k in tl.static_range(AHEAD):
            u, g = inputs[k].to(tl.float32), gradients[k].to(tl.float32)
            bits = time_step_bits(times, k, weights, ROWS, LOW, RANK, True, PRECISE, PTX)
            driven = bits * u
            skipped += g * u
            reached, decayed, summed = (), (), ()
            for n in tl.static_range(GROUP):
                own = tl.exp2(rates[n] * bits)
                into = (inward[k * GROUP + n].to(tl.float32) * LN_2)[:, None]
                reached = reached + (own * state[n] + driven * into,)
                if CUT:
                    since = decay[n] * own
                    decayed = decayed + (since,)
                    out = outward[k * GROUP + n].to(tl.float32)[:, None]
                    summed = summed + (adjoint[n] + since * (g * out),)
            state = reached
            if CUT:
                decay, adjoint = decayed, summed
    return state, decay, adjoint, skipped


@triton.jit
def states_again(
    inputs, times, inward, state, weights, rates,
    RANK: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr, AHEAD: tl.constexpr, LOW: tl.constexpr,
    PRECISE: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """The time steps of AHEAD places, and the states before and after each of them: AHEAD + 1 times GROUP tiles."""
    states, steps = state, ()
    for k in tl.static_range(AHEAD):
        bits = time_step_bits(times, k, weights, ROWS, LOW, RANK, True, PRECISE, PTX)
        driven = bits * inputs[k].to(tl.float32)
        reached = ()
        for n in tl.static_range(GROUP):
            into = (inward[k * GROUP + n].to(tl.float32) * LN_2)[:, None]
            reached = reached + (tl.exp2(rates[n] * bits) * state[n] + driven * into,)
        state = reached
        states, steps = states + state, steps + (bits,)
    return states, steps


@triton.jit
def place_gradients(
    u, g, bits, inward, outward, states, k, adjoint, rates, rate_gradient, value_gradient, du,
    column, RANK: tl.constexpr, GROUP: tl.constexpr, LOW: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """One place against the walk: the adjoints, and what the states give each gradient; that of Δ comes times ln 2.

    Sums over channels are products with tiles of one column of ones: ``value_gradient`` is (rows, RANK + 2 · GROUP or
    more).
    """
    driven = bits * u
    dstep = tl.zeros_like(u)
    carried, rated = (), ()
    for n in tl.static_range(GROUP):
        into = (inward[k * GROUP + n].to(tl.float32) * LN_2)[:, None]
        reached = adjoint[n] + g * outward[k * GROUP + n].to(tl.float32)[:, None]
        passed = reached * tl.exp2(rates[n] * bits)
        carried = carried + (passed,)
        through = passed * states[k * GROUP + n]
        weighed = reached * into
        du += weighed * bits
        dstep += weighed * u + (rates[n] * LN_2) * through
        rated = rated + (rate_gradient[n] + through * bits,)
        ones = tl.zeros((u.shape[1], value_gradient.shape[1]), tl.float32)
        into_ones = ones + tl.where(column == RANK + n, 1.0, 0.0)[None, :]
        out_ones = ones + tl.where(column == RANK + GROUP + n, 1.0, 0.0)[None, :]
        value_gradient = product(reached * driven, into_ones, value_gradient, LOW, PTX)
        value_gradient = product(g * states[(k + 1) * GROUP + n], out_ones, value_gradient, LOW, PTX)
    return du, dstep, carried, rated, value_gradient


@triton.jit
def second_pass(
    start, steps, maps, kept, begun, adjoint, direction, sizes, memory, here, weights, back, rates, rates_again, skip,
    first,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, GROUP: tl.constexpr, ROWS: tl.constexpr,
    CHANNELS: tl.constexpr, AHEAD: tl.constexpr, CUT: tl.constexpr, LOW: tl.constexpr, BACK: tl.constexpr,
    EVEN: tl.constexpr, WHOLE: tl.constexpr, WIDE: tl.constexpr, PRECISE: tl.constexpr, PTX: tl.constexpr,
    VALUE_BLOCK: tl.constexpr,
):  # fmt: skip
    """Against the walk: stores the gradients of x and of the values; returns those of rates, weights and bias.

    ``back`` are the weights as (CHANNELS, VALUE_BLOCK). Operands of the products are in BACK.
    """
    VALUES: tl.constexpr = RANK + 2 * STATE
    TILE: tl.constexpr = ROWS * CHANNELS
    PARTS: tl.constexpr = GROUP * (2 if CUT else 1)
    zero = tl.zeros((ROWS, CHANNELS), tl.float32)
    rank, column = tl.arange(0, RANK_BLOCK)[None, :], tl.arange(0, VALUE_BLOCK)
    unit = tl.where((column >= RANK) & (column < RANK + GROUP), LN_2, 1.0)[None, :]
    # Where the columns of this group of states lie among the values of a place, and which there are.
    place = column + tl.where(column >= RANK, first, 0) + tl.where(column >= RANK + GROUP, STATE - GROUP, 0)
    present = (column < RANK) | (place < tl.where(column < RANK + GROUP, RANK + STATE, VALUES))
    present = present & (column < RANK + 2 * GROUP)
    rate_gradient, bias_gradient = copies(zero, GROUP), zero
    weight_gradient = tl.zeros((RANK_BLOCK, CHANNELS), tl.float32)
    for done in range(0, steps, AHEAD):
        begin = steps - AHEAD - done
        inputs, gradients, times, inward, outward, positions, valid = read_places(
            start + begin, maps, direction, sizes, memory, here, first,
            RANK, RANK_BLOCK, STATE, GROUP, ROWS, CHANNELS, AHEAD, EVEN, WHOLE, WIDE,
        )  # fmt: skip
        state = ()
        for n in tl.static_range(GROUP):
            at = kept + (begin // AHEAD * PARTS + n) * TILE
            before = kept_tile(at, ROWS, CHANNELS)
            if CUT:
                before += kept_tile(at + GROUP * TILE, ROWS, CHANNELS) * begun[n]
            state = state + (before,)
        states, bits = states_again(
            inputs, times, inward, state, weights, rates, RANK, GROUP, ROWS, AHEAD, LOW, PRECISE, PTX,
        )  # fmt: skip
        for k in tl.static_range(AHEAD - 1, -1, -1):
            g = gradients[k].to(tl.float32)
            du, dstep, adjoint, rate_gradient, value_gradient = place_gradients(
                inputs[k].to(tl.float32), g, bits[k], inward, outward, states, k, adjoint, rates_again, rate_gradient,
                tl.zeros((ROWS, VALUE_BLOCK), tl.float32), skip * g, column, RANK, GROUP, BACK, PTX,
            )  # fmt: skip
            dz = dstep * (softplus_slope(bits[k], PRECISE) * LOG2_E)
            time = times[k].to(tl.float32)
            if RANK < RANK_BLOCK:
                # A column of ones: its product is the gradient of the bias.
                time = tl.where(rank == RANK, 1.0, time)
            else:
                bias_gradient += dz
            value_gradient = product(dz, back, value_gradient, BACK, PTX) * unit
            weight_gradient = product(tl.trans(time), dz, weight_gradient, BACK, PTX)
            value_at = maps[4] + positions[k] * (4 * VALUES)
            mask = valid[k][:, None] & present[None, :]
            tl.store(value_at[:, None] + place[None, :], value_gradient.to(value_at.dtype.element_ty), mask=mask)
            at = maps[3] + ((positions[k] * sizes[4])[None, :, None] + memory)
            write_tile(at, valid[k][None, :, None] & here, du, ROWS, CHANNELS, EVEN and WHOLE)
    return rate_gradient, weight_gradient, bias_gradient
