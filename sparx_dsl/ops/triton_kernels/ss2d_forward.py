"""The fused SS2D, forward: from the map and its projection to the sum over two walks, or to states on the way."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.recurrence import tile_forward
from sparx_dsl.ops.triton_kernels.tile import exponential, softplus_bits
from sparx_dsl.ops.triton_kernels.walk import positions_of


@triton.jit
def time_steps(value_at, valid, dt_weight, parameter, bias, inside, RANK: tl.constexpr):
    """The time steps before softplus, (positions, channels), from the time values of each position."""
    z = bias[None, :]
    for r in tl.static_range(RANK):
        weight = tl.load(dt_weight + parameter * RANK + r, mask=inside, other=0.0).to(tl.float32)
        time = tl.load(value_at + r, mask=valid, other=0.0).to(tl.float32)
        z = z + time[:, None] * weight[None, :]
    return z


@triton.jit(do_not_specialize=["channel_stride", "multiplier", "shift"])
def walk_forward(
    x, projected, dt_weight, dt_bias, A, D, sums, states,
    length, width, multiplier, shift, inner, channel_stride,
    RANK: tl.constexpr, STATE: tl.constexpr, STATE_BLOCK: tl.constexpr, TILE: tl.constexpr,
    CHANNELS: tl.constexpr, PRECISE: tl.constexpr, STATES_ONLY: tl.constexpr,
):  # fmt: skip
    """Walk the two directions of one orientation in turn, for one block of channels of one image.

    Programs: (blocks of channels, 2 orientations, batch). x (batch, length, inner), ``sums`` (2, batch, length,
    inner), ``states`` (batch, 4, tiles, STATE, inner) float32, the states before each tile. Writes the sums, or
    with STATES_ONLY the states.
    """
    orientation = tl.program_id(1)
    batch = tl.program_id(2).to(tl.int64)
    channel = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < inner
    # That this stride is 1 is kept from the compiler: it would give a lane neighbouring channels of few positions.
    columns = channel * channel_stride
    VALUES: tl.constexpr = RANK + 2 * STATE
    x += batch * length * inner
    projected += batch * length * (4 * VALUES)
    sums += (orientation * tl.num_programs(2).to(tl.int64) + batch) * length * inner
    tiles = tl.cdiv(length, TILE)
    state_row = tl.arange(0, STATE_BLOCK)[:, None]
    state_mask = (state_row < STATE) & inside[None, :]
    for turn in range(2):
        direction = orientation + 2 * turn
        parameter = direction * inner + channel
        bias = tl.load(dt_bias + parameter, mask=inside, other=0.0).to(tl.float32)
        skip = tl.load(D + parameter, mask=inside, other=0.0).to(tl.float32)
        state = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
        for tile in range(tiles):
            step = tile * TILE + tl.arange(0, TILE)
            valid = step < length
            mask = valid[:, None] & inside[None, :]
            position = positions_of(step, length, direction, width, multiplier, shift).to(tl.int64)
            at = (position * inner)[:, None] + columns[None, :]
            value_at = projected + direction * VALUES + position * (4 * VALUES)
            u = tl.load(x + at, mask=mask, other=0.0).to(tl.float32)
            z = time_steps(value_at, valid, dt_weight, parameter, bias, inside, RANK)
            bits = softplus_bits(z, exponential(z), PRECISE)
            if STATES_ONLY:
                before = states + ((batch * 4 + direction) * tiles + tile) * STATE * inner
                tl.store(before + state_row * inner + channel[None, :], state, mask=state_mask)
            y, state = tile_forward(
                u, bits, skip[None, :] * u, state, A + parameter * STATE,
                value_at + RANK, value_at + RANK + STATE, 1, 1, valid, inside, STATE, not STATES_ONLY,
            )  # fmt: skip
            if not STATES_ONLY:
                y += tl.load(sums + at, mask=mask & (turn > 0), other=0.0).to(tl.float32)
                tl.store(sums + at, y, mask=mask)
        # The second walk reads what other lanes may have written in the first.
        tl.debug_barrier()
