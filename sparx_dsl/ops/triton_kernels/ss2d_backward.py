"""The fused SS2D, backward: tile by tile from the end of each walk, from the states before each tile."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.recurrence import tile_backward
from sparx_dsl.ops.triton_kernels.ss2d_forward import time_steps
from sparx_dsl.ops.triton_kernels.tile import add_row, exponential, softplus_bits, softplus_slope
from sparx_dsl.ops.triton_kernels.walk import positions_of


@triton.jit
def time_gradients(
    step_gradient, value_at, value_gradient_at, valid, dt_weight, parameter, inside, weight_gradient,
    RANK: tl.constexpr,
):  # fmt: skip
    """From the gradient of the time steps before softplus: stores that of the time values, adds the weights'."""
    for r in tl.static_range(RANK):
        weight = tl.load(dt_weight + parameter * RANK + r, mask=inside, other=0.0).to(tl.float32)
        time = tl.load(value_at + r, mask=valid, other=0.0).to(tl.float32)
        tl.store(value_gradient_at + r, tl.sum(step_gradient * weight[None, :], axis=1), mask=valid)
        weight_gradient = add_row(weight_gradient, r, tl.sum(step_gradient * time[:, None], axis=0))
    return weight_gradient


@triton.jit(do_not_specialize=["channel_stride", "multiplier", "shift"])
def walk_backward(
    gradient, x, projected, dt_weight, dt_bias, A, D, states,
    x_gradients, value_gradients, weight_gradients, bias_gradients, A_gradients, D_gradients,
    length, width, multiplier, shift, inner, channel_stride,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, STATE_BLOCK: tl.constexpr,
    TILE: tl.constexpr, CHANNELS: tl.constexpr, PRECISE: tl.constexpr,
):  # fmt: skip
    """Walk the two directions of one orientation backwards in turn, for one block of channels of one image.

    Programs: (blocks of channels, 2 orientations, batch). gradient and x (batch, length, inner), ``states`` as
    ``walk_forward`` stores them. Writes ``x_gradients`` (2, batch, length, inner), and in float32
    ``value_gradients`` (blocks, batch, length, 4, RANK + 2·STATE), ``weight_gradients`` (batch, 4, inner, RANK),
    ``bias_gradients`` and ``D_gradients`` (batch, 4, inner), ``A_gradients`` (batch, 4, inner, STATE).
    """
    block = tl.program_id(0)
    orientation = tl.program_id(1)
    batch = tl.program_id(2).to(tl.int64)
    channel = block * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < inner
    # As in walk_forward.
    columns = channel * channel_stride
    VALUES: tl.constexpr = RANK + 2 * STATE
    images = tl.num_programs(2).to(tl.int64)
    gradient += batch * length * inner
    x += batch * length * inner
    projected += batch * length * (4 * VALUES)
    x_gradients += (orientation * images + batch) * length * inner
    value_gradients += (block * images + batch) * length * (4 * VALUES)
    tiles = tl.cdiv(length, TILE)
    state_row = tl.arange(0, STATE_BLOCK)[:, None]
    rank_row = tl.arange(0, RANK_BLOCK)[:, None]
    for turn in range(2):
        direction = orientation + 2 * turn
        parameter = direction * inner + channel
        bias = tl.load(dt_bias + parameter, mask=inside, other=0.0).to(tl.float32)
        skip = tl.load(D + parameter, mask=inside, other=0.0).to(tl.float32)
        carry = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
        A_gradient = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
        weight_gradient = tl.zeros((RANK_BLOCK, CHANNELS), tl.float32)
        bias_gradient = tl.zeros((CHANNELS,), tl.float32)
        D_gradient = tl.zeros((CHANNELS,), tl.float32)
        for done in range(tiles):
            tile = tiles - 1 - done
            step = tile * TILE + tl.arange(0, TILE)
            valid = step < length
            mask = valid[:, None] & inside[None, :]
            position = positions_of(step, length, direction, width, multiplier, shift).to(tl.int64)
            at = (position * inner)[:, None] + columns[None, :]
            value_at = projected + direction * VALUES + position * (4 * VALUES)
            value_gradient_at = value_gradients + direction * VALUES + position * (4 * VALUES)
            g = tl.load(gradient + at, mask=mask, other=0.0).to(tl.float32)
            u = tl.load(x + at, mask=mask, other=0.0).to(tl.float32)
            z = time_steps(value_at, valid, dt_weight, parameter, bias, inside, RANK)
            power = exponential(z)
            before = states + ((batch * 4 + direction) * tiles + tile) * STATE * inner + channel
            u_gradient, delta_gradient, carry, A_gradient = tile_backward(
                g, u, softplus_bits(z, power, PRECISE), skip[None, :] * g, carry, A_gradient,
                A + parameter * STATE, value_at + RANK, value_at + RANK + STATE, 1, 1, before, inner,
                value_gradient_at + RANK, value_gradient_at + RANK + STATE, 1, valid, inside, STATE,
            )  # fmt: skip
            step_gradient = delta_gradient * softplus_slope(z, power)
            weight_gradient = time_gradients(
                step_gradient, value_at, value_gradient_at, valid, dt_weight, parameter, inside,
                weight_gradient, RANK,
            )  # fmt: skip
            bias_gradient += tl.sum(step_gradient, axis=0)
            D_gradient += tl.sum(g * u, axis=0)
            u_gradient += tl.load(x_gradients + at, mask=mask & (turn > 0), other=0.0).to(tl.float32)
            tl.store(x_gradients + at, u_gradient, mask=mask)
        total = (batch * 4 + direction) * inner + channel
        tl.store(bias_gradients + total, bias_gradient, mask=inside)
        tl.store(D_gradients + total, D_gradient, mask=inside)
        tl.store(
            A_gradients + total[None, :] * STATE + state_row, A_gradient,
            mask=(state_row < STATE) & inside[None, :],
        )  # fmt: skip
        tl.store(
            weight_gradients + total[None, :] * RANK + rank_row, weight_gradient,
            mask=(rank_row < RANK) & inside[None, :],
        )  # fmt: skip
        # The second walk reads what other lanes may have written in the first.
        tl.debug_barrier()
