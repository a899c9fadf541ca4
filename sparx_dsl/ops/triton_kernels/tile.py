"""What the kernels do with one tile (positions in the order of the walk, channels): steps, and the recurrence.

Each lane is meant to hold all positions of its own channel. Rows are then registers, and the recurrence along the
walk costs one multiplication and addition at each position, in either direction. No result depends on that layout.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportUnnecessaryIsInstance=false, reportGeneralTypeIssues=false
# Triton has no types, and may be missing.

from __future__ import annotations

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)
LN_2 = tl.constexpr(0.6931471805599453)
SERIES_BELOW = tl.constexpr(0.0625)
"""Below this, the logarithm of 1 + p is a series in p: rounding 1 + p would cost it its last digits."""


@triton.jit
def _some_kernel():
    """Nothing: its type says whether Triton compiles."""


COMPILED = isinstance(_some_kernel, triton.JITFunction)
"""Whether Triton compiles these kernels: not under TRITON_INTERPRET=1."""
NATIVE = tl.constexpr(COMPILED)


@triton.jit
def logarithm_in_bits(x, PTX: tl.constexpr):
    """log2 of float32 x ≥ 1; with PTX, which only CUDA has, by one instruction: its error is below 2e-7 from 1 to 2."""
    if PTX:
        y = tl.inline_asm_elementwise("lg2.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1)
    else:
        y = tl.log2(x)
    return y


@triton.jit
def softplus_bits(z_bits, PRECISE: tl.constexpr, PTX: tl.constexpr):
    """softplus(z) / ln 2 = log2(1 + exp(z)), from z / ln 2. NaN stays NaN."""
    # 2^z is finite up to there, and beyond it softplus(z) is z.
    power = tl.exp2(tl.minimum(z_bits, 64.0, propagate_nan=tl.PropagateNan.ALL))
    bits = logarithm_in_bits(1.0 + power, PTX)
    if PRECISE:
        small = tl.minimum(power, SERIES_BELOW)
        series = 1.0 + small * (-0.5 + small * (0.33333333 + small * (-0.25 + small * 0.2)))
        bits = tl.where(power < SERIES_BELOW, small * series * LOG2_E, bits)
    return tl.maximum(bits, z_bits, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def softplus_slope(bits, PRECISE: tl.constexpr):
    """The derivative of softplus at z, which is 1 − exp(−softplus(z)), from softplus(z) / ln 2."""
    slope = 1.0 - tl.exp2(-bits)
    if PRECISE:
        small = tl.minimum(bits * LN_2, SERIES_BELOW)
        series = 1.0 - small * (0.5 - small * (0.16666667 - small * (0.041666667 - small * 0.0083333333)))
        slope = tl.where(bits * LN_2 < SERIES_BELOW, small * series, slope)
    return slope


@triton.jit
def channels_of(block, count, CHANNELS: tl.constexpr, WHOLE: tl.constexpr):
    """The channels of a block, with the last of ``count`` in place of those beyond it, and which are not beyond it.

    With WHOLE, no block has any: the compiler then sees that a block's channels are contiguous.
    """
    channel = block * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < count
    if WHOLE:
        inside = tl.full((CHANNELS,), True, tl.int1)
    else:
        channel = tl.minimum(channel, count - 1)
    return channel, inside


@triton.jit
def load_rows(start, parameter, COUNT: tl.constexpr, BLOCK: tl.constexpr):
    """The COUNT values of each channel's row as the rows of a tile (BLOCK, channels), and zeros below them."""
    rows = tl.arange(0, BLOCK)[:, None]
    # One load of a tile would give a lane many values of few channels.
    tile = tl.zeros((BLOCK, parameter.shape[0]), tl.float32)
    for index in tl.static_range(COUNT):
        values = tl.load(start + parameter * COUNT + index).to(tl.float32)
        tile = tl.where(rows == index, values[None, :], tile)
    return tile


@triton.jit
def select_row(tile, index):
    """One row of a float32 tile (rows, columns), bit for bit: (columns,).

    The sum is taken over integers, since a compiler may drop the addition of an integer zero, not of a real one:
    where the rows are registers and the index is known to it, nothing is left of this.
    """
    rows = tl.arange(0, tile.shape[0])[:, None]
    return tl.sum(tl.where(rows == index, tile.to(tl.int32, bitcast=True), 0), axis=0).to(tl.float32, bitcast=True)


@triton.jit
def replace_row(tile, index, values):
    """The tile with that row set to values (columns,)."""
    rows = tl.arange(0, tile.shape[0])[:, None]
    return tl.where(rows == index, values[None, :], tile)


@triton.jit
def add_row(tile, index, values):
    """The tile with values (columns,) added to that row."""
    rows = tl.arange(0, tile.shape[0])[:, None]
    return tl.where(rows == index, tile + values[None, :], tile)


@triton.jit
def run_forward(decay, drive, state):
    """Solve h[t] = decay[t] · h[t−1] + drive[t] down the rows, from ``state`` (columns,); returns h and the last h."""
    rows = tl.arange(0, decay.shape[0])[:, None]
    decays, drives = decay.to(tl.int32, bitcast=True), drive.to(tl.int32, bitcast=True)
    states = drive
    for index in tl.static_range(decay.shape[0]):
        # As in select_row, written out: Triton's interpreter pays dearly for a call.
        here = rows == index
        kept = tl.sum(tl.where(here, decays, 0), axis=0).to(tl.float32, bitcast=True)
        added = tl.sum(tl.where(here, drives, 0), axis=0).to(tl.float32, bitcast=True)
        state = kept * state + added
        states = tl.where(here, state[None, :], states)
    return states, state


@triton.jit
def run_backward(decay, drive, carry):
    """Solve v[t] = drive[t] + decay[t+1] · v[t+1] up the rows; returns v, and decay[0] · v[0] for the tile before.

    ``carry`` (columns,) is decay · v of the row after the last one.
    """
    rows = tl.arange(0, decay.shape[0])[:, None]
    decays, drives = decay.to(tl.int32, bitcast=True), drive.to(tl.int32, bitcast=True)
    values = drive
    for step in tl.static_range(decay.shape[0]):
        here = rows == decay.shape[0] - 1 - step
        value = tl.sum(tl.where(here, drives, 0), axis=0).to(tl.float32, bitcast=True) + carry
        values = tl.where(here, value[None, :], values)
        carry = tl.sum(tl.where(here, decays, 0), axis=0).to(tl.float32, bitcast=True) * value
    return values, carry
