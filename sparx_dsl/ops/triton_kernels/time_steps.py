"""The parameters of one direction of the fused SS2D for a block of channels, and the time steps made of them.

Time steps are sums over the rank: up to ``settings.UNROLLED_RANK`` written out, beyond it products of tiles (DOT).
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

from sparx_dsl.ops.triton_kernels.tile import LOG2_E, NATIVE, softplus_bits


@triton.jit
def product(a, b, acc, LOW: tl.constexpr, PTX: tl.constexpr):
    """a @ b, added to ``acc`` unless that is None: (rows, columns) in float32, from operands rounded to LOW."""
    if tl.float32 == LOW or not NATIVE:  # the interpreter's product of bfloat16 is wrong
        y = tl.dot(a.to(tl.float32), b.to(tl.float32), acc=acc, input_precision="tf32x3" if PTX else "ieee")
    else:
        y = tl.dot(a.to(LOW), b.to(LOW), acc=acc)
    return y


@triton.jit
def channel_row(start, parameter, inside):
    """One parameter of each channel: (1, channels) in float32, 0 where a channel is not inside."""
    return tl.load(start + parameter, mask=inside, other=0.0).to(tl.float32)[None, :]


@triton.jit
def rates_of(A, parameter, inside, first, STATE: tl.constexpr, GROUP: tl.constexpr):
    """The rates of GROUP states from that one on: a tuple of (1, channels); 0 beyond the last state."""
    rates = ()
    for n in tl.static_range(GROUP):
        rates = rates + (channel_row(A, parameter * STATE + (first + n), inside & (first + n < STATE)),)
    return rates


@triton.jit
def weights_of(
    dt_weight, dt_bias, parameter, inside, LOW: tl.constexpr, RANK: tl.constexpr, RANK_BLOCK: tl.constexpr,
    DOT: tl.constexpr,
):  # fmt: skip
    """What ``time_step_bits`` takes: the bias over ln 2, and the weights, as rows over ln 2 or as one tile.

    The tile is (RANK_BLOCK, channels) in LOW.
    """
    tile = 0
    rows = ()
    if DOT:
        rank = tl.arange(0, RANK_BLOCK)
        mask = (rank < RANK)[:, None] & inside[None, :]
        tile = tl.load(dt_weight + parameter[None, :] * RANK + rank[:, None], mask=mask, other=0.0).to(LOW)
    else:
        for r in tl.static_range(RANK):
            rows = rows + (channel_row(dt_weight, parameter * RANK + r, inside) * LOG2_E,)
    return channel_row(dt_bias, parameter, inside) * LOG2_E, rows, tile


@triton.jit
def time_values_of(at, RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, DOT: tl.constexpr):
    """The time values of each row: a tuple of RANK of (rows,), or of one tile (rows, RANK_BLOCK)."""
    values = ()
    if DOT:
        rank = tl.arange(0, RANK_BLOCK)[None, :]
        values = values + (tl.load(at[:, None] + rank, mask=rank < RANK, other=0.0),)
    else:
        for r in tl.static_range(RANK):
            values = values + (tl.load(at + r),)
    return values


@triton.jit
def time_step_bits(
    times, place, weights, ROWS: tl.constexpr, LOW: tl.constexpr, RANK: tl.constexpr, DOT: tl.constexpr,
    PRECISE: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """The time steps over ln 2, (rows, channels), of the ``place``-th of the places whose time values are listed."""
    bias_bits, rows, tile = weights
    if DOT:
        z_bits = product(times[place], tile, None, LOW, PTX) * LOG2_E + bias_bits
    else:
        z_bits = tl.broadcast_to(bias_bits, ROWS, bias_bits.shape[1])
        for r in tl.static_range(RANK):
            z_bits += times[place * RANK + r].to(tl.float32)[:, None] * rows[r]
    return softplus_bits(z_bits, PRECISE, PTX)
