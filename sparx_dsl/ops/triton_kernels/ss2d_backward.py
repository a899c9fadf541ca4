"""The fused SS2D, backward: tile by tile from the end of each walk, from the states before each tile."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportAssignmentType=false, reportGeneralTypeIssues=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.recurrence import tile_backward
from sparx_dsl.ops.triton_kernels.ss2d_forward import load_weights, time_steps
from sparx_dsl.ops.triton_kernels.tile import LOG2_E, channels_of, exponential, load_rows, softplus_bits, softplus_slope
from sparx_dsl.ops.triton_kernels.walk import positions_of


@triton.jit
def time_gradients(
    step_gradient, value_at, value_gradient_at, valid, weight, weight_gradient,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, PRECISE: tl.constexpr,
):  # fmt: skip
    """From the gradient of the time steps before softplus: stores that of the time values, adds the weights'.

    step_gradient (positions, channels); weight and weight_gradient (channels, RANK_BLOCK).
    """
    PRECISION: tl.constexpr = "tf32x3" if PRECISE else "tf32"
    rank = tl.arange(0, RANK_BLOCK)[None, :]
    gradient = tl.dot(step_gradient, weight, input_precision=PRECISION)
    tl.store(value_gradient_at[:, None] + rank, gradient, mask=valid[:, None] & (rank < RANK))
    time = tl.load(value_at[:, None] + rank, mask=rank < RANK, other=0.0).to(tl.float32)
    return tl.dot(tl.trans(step_gradient), time, acc=weight_gradient, input_precision=PRECISION)


# As in walk_forward.
@triton.jit(
    do_not_specialize=["multiplier", "shift"], do_not_specialize_on_alignment=["gradient", "x", "states", "x_gradients"]
)
def walk_backward(
    gradient, x, projected, dt_weight, dt_bias, A, D, states,
    x_gradients, value_gradients, weight_gradients, bias_gradients, A_gradients, D_gradients,
    length, width, multiplier, shift, inner,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, STATE_BLOCK: tl.constexpr,
    TILE: tl.constexpr, CHANNELS: tl.constexpr, TURNS: tl.constexpr, WIDE: tl.constexpr, WHOLE: tl.constexpr,
    PRECISE: tl.constexpr,
):  # fmt: skip
    """Walk TURNS directions that share a sum backwards, one after the other, for one block of channels of one image.

    Programs: (batch · blocks of channels, 4 / TURNS sums). gradient and x (batch, length, inner), ``states`` as
    ``walk_forward`` stores them. Writes ``x_gradients`` (4 / TURNS, batch, length, inner), and in float32
    ``value_gradients`` (blocks, batch, length, 4, RANK + 2·STATE), ``weight_gradients`` (batch, 4, inner, RANK),
    ``bias_gradients`` and ``D_gradients`` (batch, 4, inner), ``A_gradients`` (batch, 4, inner, STATE).
    """
    blocks = tl.cdiv(inner, CHANNELS)
    own_sum = tl.program_id(1)
    block = tl.program_id(0) % blocks
    batch = (tl.program_id(0) // blocks).to(tl.int64)
    images = (tl.num_programs(0) // blocks).to(tl.int64)
    # As in walk_forward; where the gradient is read as 0, no step or channel beyond the end adds anything.
    channel, inside = channels_of(block, inner, CHANNELS, WHOLE)
    VALUES: tl.constexpr = RANK + 2 * STATE
    INDEX: tl.constexpr = tl.int64 if WIDE else tl.int32
    gradient += batch * length * inner
    x += batch * length * inner
    projected += batch * length * (4 * VALUES)
    x_gradients += (own_sum * images + batch) * length * inner
    value_gradients += (block * images + batch) * length * (4 * VALUES)
    tiles = tl.cdiv(length, TILE)
    state_row = tl.arange(0, STATE_BLOCK)[:, None]
    rank = tl.arange(0, RANK_BLOCK)[None, :]
    for turn in range(TURNS):
        direction = own_sum + (4 // TURNS) * turn
        parameter = direction * inner + channel
        weight_bits = load_weights(dt_weight, parameter, RANK, RANK_BLOCK)
        weight_at = parameter[:, None] * RANK + rank
        weight = tl.load(dt_weight + weight_at, mask=rank < RANK, other=0.0).to(tl.float32)
        rates = load_rows(A, parameter, STATE, STATE_BLOCK)
        bias_bits = tl.load(dt_bias + parameter).to(tl.float32) * LOG2_E
        skip = tl.load(D + parameter).to(tl.float32)
        carry = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
        A_gradient = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
        weight_gradient = tl.zeros((CHANNELS, RANK_BLOCK), tl.float32)
        bias_gradient = tl.zeros((CHANNELS,), tl.float32)
        D_gradient = tl.zeros((CHANNELS,), tl.float32)
        for done in range(tiles):
            tile = tiles - 1 - done
            step = tile * TILE + tl.arange(0, TILE)
            valid = step < length
            mask = valid[:, None] & inside[None, :]
            position = positions_of(tl.minimum(step, length - 1), length, direction, width, multiplier, shift)
            at = (position.to(INDEX) * inner)[:, None] + channel[None, :]
            value_place = direction * VALUES + position.to(INDEX) * (4 * VALUES)
            value_at, value_gradient_at = projected + value_place, value_gradients + value_place
            g = tl.load(gradient + at, mask=mask, other=0.0).to(tl.float32)
            u = tl.load(x + at).to(tl.float32)
            z_bits = time_steps(value_at, dt_weight, parameter, weight_bits, bias_bits, RANK)
            power = exponential(z_bits)
            before = states + ((batch * 4 + direction) * tiles + tile) * STATE * inner + channel
            u_gradient, delta_gradient, carry, A_gradient = tile_backward(
                g, u, softplus_bits(z_bits, power, PRECISE), skip[None, :] * g, carry, A_gradient, rates,
                value_at + RANK, value_at + RANK + STATE, 1, 1, before, inner,
                value_gradient_at + RANK, value_gradient_at + RANK + STATE, 1, valid, STATE,
            )  # fmt: skip
            step_gradient = delta_gradient * softplus_slope(z_bits, power)
            weight_gradient = time_gradients(
                step_gradient, value_at, value_gradient_at, valid, weight, weight_gradient,
                RANK, RANK_BLOCK, PRECISE,
            )  # fmt: skip
            bias_gradient += tl.sum(step_gradient, axis=0)
            D_gradient += tl.sum(g * u, axis=0)
            if turn > 0:
                u_gradient += tl.load(x_gradients + at).to(tl.float32)
            tl.store(x_gradients + at, u_gradient, mask=mask)
        total = (batch * 4 + direction) * inner + channel
        tl.store(bias_gradients + total, bias_gradient, mask=inside)
        tl.store(D_gradients + total, D_gradient, mask=inside)
        tl.store(
            A_gradients + total[None, :] * STATE + state_row, A_gradient,
            mask=(state_row < STATE) & inside[None, :],
        )  # fmt: skip
        tl.store(
            weight_gradients + total[:, None] * RANK + rank, weight_gradient,
            mask=(rank < RANK) & inside[:, None],
        )  # fmt: skip
        # The next walk reads what other lanes may have written in this one.
        tl.debug_barrier()
