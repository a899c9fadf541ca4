"""The fused SS2D, forward: from the map and its projection to sums over walks, or to states on the way."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportAssignmentType=false, reportGeneralTypeIssues=false, reportArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.recurrence import tile_forward
from sparx_dsl.ops.triton_kernels.tile import LOG2_E, channels_of, exponential, load_rows, select_row, softplus_bits
from sparx_dsl.ops.triton_kernels.walk import positions_of

UNROLLED = tl.constexpr(8)
"""The highest rank whose weights are kept in registers: beyond it, compiling would take minutes."""


@triton.jit
def load_weights(dt_weight, parameter, RANK: tl.constexpr, RANK_BLOCK: tl.constexpr):
    """The weights of the time steps over ln 2, (RANK_BLOCK, channels), where they are kept: see ``UNROLLED``."""
    if RANK <= UNROLLED:
        weight_bits = load_rows(dt_weight, parameter, RANK, RANK_BLOCK) * LOG2_E
    else:
        weight_bits = tl.zeros((1, parameter.shape[0]), tl.float32)
    return weight_bits


@triton.jit
def time_steps(value_at, dt_weight, parameter, weight_bits, bias_bits, RANK: tl.constexpr):
    """The time steps before softplus over ln 2, (positions, channels), from the time values of each position."""
    z_bits = bias_bits[None, :]
    if RANK == 0:
        z_bits = tl.broadcast_to(z_bits, value_at.shape[0], parameter.shape[0])
    if RANK <= UNROLLED:
        for r in tl.static_range(RANK):
            time = tl.load(value_at + r).to(tl.float32)
            z_bits = z_bits + time[:, None] * select_row(weight_bits, r)[None, :]
    else:
        z_bits = z_bits + tl.zeros((value_at.shape[0], parameter.shape[0]), tl.float32)
        for r in range(RANK):
            time = tl.load(value_at + r).to(tl.float32)
            weight = tl.load(dt_weight + parameter * RANK + r).to(tl.float32) * LOG2_E
            z_bits += time[:, None] * weight[None, :]
    return z_bits


# Were these known to be aligned, loads of several channels at once would give a lane few positions of each.
@triton.jit(do_not_specialize=["multiplier", "shift"], do_not_specialize_on_alignment=["x", "sums", "states"])
def walk_forward(
    x, projected, dt_weight, dt_bias, A, D, sums, states,
    length, width, multiplier, shift, inner,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, STATE: tl.constexpr, STATE_BLOCK: tl.constexpr,
    TILE: tl.constexpr, CHANNELS: tl.constexpr, TURNS: tl.constexpr, WIDE: tl.constexpr, WHOLE: tl.constexpr,
    PRECISE: tl.constexpr, STATES_ONLY: tl.constexpr,
):  # fmt: skip
    """Walk TURNS directions that share a sum, one after the other, for one block of channels of one image.

    Programs: (batch · blocks of channels, 4 / TURNS sums). x (batch, length, inner), ``sums`` (4 / TURNS, batch,
    length, inner), ``states`` (batch, 4, tiles, STATE, inner) float32, the states before each tile. Writes the
    sums, or with STATES_ONLY the states. WIDE is for images of 2³¹ values or more.

    Steps beyond the walk's end and channels beyond the last read what the last one reads, which is cheaper than
    not to read: nothing that is stored depends on them.
    """
    blocks = tl.cdiv(inner, CHANNELS)
    own_sum = tl.program_id(1)
    block = tl.program_id(0) % blocks
    batch = (tl.program_id(0) // blocks).to(tl.int64)
    images = (tl.num_programs(0) // blocks).to(tl.int64)
    channel, inside = channels_of(block, inner, CHANNELS, WHOLE)
    VALUES: tl.constexpr = RANK + 2 * STATE
    INDEX: tl.constexpr = tl.int64 if WIDE else tl.int32
    x += batch * length * inner
    projected += batch * length * (4 * VALUES)
    sums += (own_sum * images + batch) * length * inner
    tiles = tl.cdiv(length, TILE)
    state_row = tl.arange(0, STATE_BLOCK)[:, None]
    state_mask = (state_row < STATE) & inside[None, :]
    for turn in range(TURNS):
        direction = own_sum + (4 // TURNS) * turn
        parameter = direction * inner + channel
        weight_bits = load_weights(dt_weight, parameter, RANK, RANK_BLOCK)
        rates = load_rows(A, parameter, STATE, STATE_BLOCK)
        bias_bits = tl.load(dt_bias + parameter).to(tl.float32) * LOG2_E
        skip = tl.load(D + parameter).to(tl.float32)
        state = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
        for tile in range(tiles):
            step = tile * TILE + tl.arange(0, TILE)
            mask = (step < length)[:, None] & inside[None, :]
            position = positions_of(tl.minimum(step, length - 1), length, direction, width, multiplier, shift)
            at = (position.to(INDEX) * inner)[:, None] + channel[None, :]
            value_at = projected + direction * VALUES + position.to(INDEX) * (4 * VALUES)
            u = tl.load(x + at).to(tl.float32)
            z_bits = time_steps(value_at, dt_weight, parameter, weight_bits, bias_bits, RANK)
            bits = softplus_bits(z_bits, exponential(z_bits), PRECISE)
            if STATES_ONLY:
                before = states + ((batch * 4 + direction) * tiles + tile) * STATE * inner
                tl.store(before + state_row * inner + channel[None, :], state, mask=state_mask)
            y, state = tile_forward(
                u, bits, skip[None, :] * u, state, rates, value_at + RANK, value_at + RANK + STATE, 1, 1,
                STATE, not STATES_ONLY,
            )  # fmt: skip
            if not STATES_ONLY:
                if turn > 0:
                    y += tl.load(sums + at).to(tl.float32)
                tl.store(sums + at, y, mask=mask)
        # The next walk reads what other lanes may have written in this one.
        tl.debug_barrier()
