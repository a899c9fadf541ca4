"""The selective scan, forward: from its inputs to y, or to the states on the way."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportArgumentType=false, reportConstantRedefinition=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.recurrence import tile_forward
from sparx_dsl.ops.triton_kernels.tile import LOG2_E, channels_of, load_rows, softplus_bits


@triton.jit(
    do_not_specialize=[
        "u_batch", "u_step", "delta_batch", "delta_step",
        "B_batch", "B_group", "B_state", "B_step", "C_batch", "C_group", "C_state", "C_step",
    ],
    do_not_specialize_on_alignment=["u", "delta", "y", "states"],
)  # fmt: skip
def scan_forward(
    u, delta, A, B, C, D, delta_bias, y, states,
    length, channels,
    u_batch, u_channel, u_step, delta_batch, delta_channel, delta_step,
    B_batch, B_group, B_state, B_step, C_batch, C_group, C_state, C_step,
    STATE: tl.constexpr, STATE_BLOCK: tl.constexpr, TILE: tl.constexpr, CHANNELS: tl.constexpr,
    HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr, WHOLE: tl.constexpr,
    PRECISE: tl.constexpr, PTX: tl.constexpr,
    STATES_ONLY: tl.constexpr,
):  # fmt: skip
    """Scan one block of channels of one group of one image.

    Programs: (batch · blocks of a group's channels, groups). Strides are named after tensor and dimension; y is
    (batch, length, channels), ``states`` (batch, tiles, STATE, channels) float32: the states before each tile.
    Writes y, or with STATES_ONLY the states.
    """
    group = tl.program_id(1)
    in_group = channels // tl.num_programs(1)
    blocks = tl.cdiv(in_group, CHANNELS)
    block = tl.program_id(0) % blocks
    batch = (tl.program_id(0) // blocks).to(tl.int64)
    # As in walk_forward of the fused SS2D, as are the steps beyond the end.
    local, inside = channels_of(block, in_group, CHANNELS, WHOLE)
    channel = group * in_group + local
    lane = channel.to(tl.int64)
    u += batch * u_batch
    delta += batch * delta_batch
    B += batch * B_batch + group.to(tl.int64) * B_group
    C += batch * C_batch + group.to(tl.int64) * C_group
    y += batch * length * channels
    tiles = tl.cdiv(length, TILE)
    state_row = tl.arange(0, STATE_BLOCK)[:, None]
    rates = load_rows(A, channel, STATE, STATE_BLOCK)
    bias = tl.zeros((CHANNELS,), tl.float32)
    if HAS_BIAS:
        bias = tl.load(delta_bias + channel).to(tl.float32)
    skip = tl.zeros((CHANNELS,), tl.float32)
    if HAS_D:
        skip = tl.load(D + channel).to(tl.float32)
    state = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
    for tile in range(tiles):
        step = tile * TILE + tl.arange(0, TILE)
        valid = step < length
        mask = valid[:, None] & inside[None, :]
        step = tl.minimum(step, length - 1).to(tl.int64)
        at = (step * u_step)[:, None] + (lane * u_channel)[None, :]
        inputs = tl.load(u + at).to(tl.float32)
        at = (step * delta_step)[:, None] + (lane * delta_channel)[None, :]
        z_bits = (tl.load(delta + at).to(tl.float32) + bias[None, :]) * LOG2_E
        bits = softplus_bits(z_bits, PRECISE, PTX) if SOFTPLUS else z_bits
        if STATES_ONLY:
            before = states + (batch * tiles + tile) * STATE * channels
            tl.store(
                before + state_row * channels + channel[None, :], state,
                mask=(state_row < STATE) & inside[None, :],
            )  # fmt: skip
        result, state = tile_forward(
            inputs, bits, skip[None, :] * inputs, state, rates,
            B + step * B_step, C + step * C_step, B_state, C_state, STATE, not STATES_ONLY,
        )  # fmt: skip
        if not STATES_ONLY:
            at = (step * channels)[:, None] + channel[None, :]
            tl.store(y + at, result, mask=mask)
