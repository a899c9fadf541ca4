"""The selective scan, backward: tile by tile from the end, from the states before each tile."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportConstantRedefinition=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.recurrence import tile_backward
from sparx_dsl.ops.triton_kernels.tile import LOG2_E, channels_of, load_rows, softplus_bits, softplus_slope


@triton.jit(
    do_not_specialize=[
        "g_batch", "g_step", "u_batch", "u_step", "delta_batch", "delta_step",
        "B_batch", "B_group", "B_state", "B_step", "C_batch", "C_group", "C_state", "C_step",
    ],
    do_not_specialize_on_alignment=["gradient", "u", "delta", "states", "u_gradient", "delta_gradient"],
)  # fmt: skip
def scan_backward(
    gradient, u, delta, A, B, C, D, delta_bias, states,
    u_gradient, delta_gradient, A_gradients, B_gradients, C_gradients, D_gradients, bias_gradients,
    length, channels,
    g_batch, g_channel, g_step, u_batch, u_channel, u_step, delta_batch, delta_channel, delta_step,
    B_batch, B_group, B_state, B_step, C_batch, C_group, C_state, C_step,
    STATE: tl.constexpr, STATE_BLOCK: tl.constexpr, TILE: tl.constexpr, CHANNELS: tl.constexpr,
    HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, SOFTPLUS: tl.constexpr, WHOLE: tl.constexpr,
    PRECISE: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """Walk backwards over one block of channels of one group of one image.

    Programs: (batch · blocks of a group's channels, groups). Strides are named after tensor and dimension;
    ``states`` as ``scan_forward`` stores them. Writes u_gradient and delta_gradient (batch, length, channels),
    and in float32 A_gradients (batch, channels, STATE), D_gradients and bias_gradients (batch, channels),
    B_gradients and C_gradients (blocks, batch, groups, STATE, length).
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
    gradient += batch * g_batch
    u += batch * u_batch
    delta += batch * delta_batch
    B += batch * B_batch + group.to(tl.int64) * B_group
    C += batch * C_batch + group.to(tl.int64) * C_group
    u_gradient += batch * length * channels
    delta_gradient += batch * length * channels
    images = (tl.num_programs(0) // blocks).to(tl.int64)
    partial = ((block * images + batch) * tl.num_programs(1) + group) * STATE * length
    tiles = tl.cdiv(length, TILE)
    state_row = tl.arange(0, STATE_BLOCK)[:, None]
    rates = load_rows(A, channel, STATE, STATE_BLOCK)
    bias = tl.zeros((CHANNELS,), tl.float32)
    if HAS_BIAS:
        bias = tl.load(delta_bias + channel).to(tl.float32)
    skip = tl.zeros((CHANNELS,), tl.float32)
    if HAS_D:
        skip = tl.load(D + channel).to(tl.float32)
    carry = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
    A_gradient = tl.zeros((STATE_BLOCK, CHANNELS), tl.float32)
    D_gradient = tl.zeros((CHANNELS,), tl.float32)
    bias_gradient = tl.zeros((CHANNELS,), tl.float32)
    for done in range(tiles):
        tile = tiles - 1 - done
        step = tile * TILE + tl.arange(0, TILE)
        valid = step < length
        mask = valid[:, None] & inside[None, :]
        step = tl.minimum(step, length - 1).to(tl.int64)
        at = (step * g_step)[:, None] + (lane * g_channel)[None, :]
        g = tl.load(gradient + at, mask=mask, other=0.0).to(tl.float32)
        at = (step * u_step)[:, None] + (lane * u_channel)[None, :]
        inputs = tl.load(u + at).to(tl.float32)
        at = (step * delta_step)[:, None] + (lane * delta_channel)[None, :]
        z_bits = (tl.load(delta + at).to(tl.float32) + bias[None, :]) * LOG2_E
        bits = softplus_bits(z_bits, PRECISE, PTX) if SOFTPLUS else z_bits
        before = states + (batch * tiles + tile) * STATE * channels + channel
        inputs_gradient, step_gradient, carry, A_gradient = tile_backward(
            g, inputs, bits, skip[None, :] * g, carry, A_gradient, rates,
            B + step * B_step, C + step * C_step, B_state, C_state, before, channels,
            B_gradients + partial + step, C_gradients + partial + step, length, valid, STATE,
        )  # fmt: skip
        if SOFTPLUS:
            step_gradient = step_gradient * softplus_slope(bits, PRECISE)
        D_gradient += tl.sum(g * inputs, axis=0)
        bias_gradient += tl.sum(step_gradient, axis=0)
        at = (step * channels)[:, None] + channel[None, :]
        tl.store(u_gradient + at, inputs_gradient, mask=mask)
        tl.store(delta_gradient + at, step_gradient, mask=mask)
    total = batch * channels + channel
    tl.store(
        A_gradients + total[None, :] * STATE + state_row, A_gradient,
        mask=(state_row < STATE) & inside[None, :],
    )  # fmt: skip
    if HAS_D:
        tl.store(D_gradients + total, D_gradient, mask=inside)
    if HAS_BIAS:
        tl.store(bias_gradients + total, bias_gradient, mask=inside)
