"""The fused SS2D, backward: from the gradient of its result to one map, and sums, for each walk."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# pyright: reportAssignmentType=false, reportGeneralTypeIssues=false, reportArgumentType=false
# Triton has no types, and may be missing.
# ruff: noqa: RUF005
# Nor does it compile starred expressions.

from __future__ import annotations

import triton
import triton.language as tl

from sparx_dsl.ops.triton_kernels.ss2d_backward_steps import copies, first_pass, second_pass
from sparx_dsl.ops.triton_kernels.ss2d_forward import join
from sparx_dsl.ops.triton_kernels.tile import LN_2
from sparx_dsl.ops.triton_kernels.tiles import channels_in_order, channels_in_quarters
from sparx_dsl.ops.triton_kernels.time_steps import channel_row, rates_of, weights_of


@triton.jit
def ends_of_segments(
    ends, segment, state, decay, adjoint, GROUP: tl.constexpr, SEGMENTS: tl.constexpr, CHANNELS: tl.constexpr
):
    """From what each segment does to a state: the states that segments start from, and the adjoints after them.

    Rows are segments, scanned both ways; through ``ends`` (2 · GROUP, rows, CHANNELS) a row reads its neighbours'.
    """
    TILE: tl.constexpr = segment.shape[0] * CHANNELS
    above, below = (segment > 0)[:, None], (segment < SEGMENTS - 1)[:, None]
    at = ends + tl.arange(0, segment.shape[0])[:, None] * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    for n in tl.static_range(GROUP):
        _, lasts = tl.associative_scan((tl.where(above, decay[n], 0.0), state[n]), 0, join)
        _, firsts = tl.associative_scan((tl.where(below, decay[n], 0.0), adjoint[n]), 0, join, reverse=True)
        tl.store(at + n * TILE, lasts)
        tl.store(at + (GROUP + n) * TILE, firsts)
    tl.debug_barrier()
    begun, carried = (), ()
    for n in tl.static_range(GROUP):
        begun = begun + (tl.load(at + n * TILE - CHANNELS, mask=above, other=0.0),)
        carried = carried + (tl.load(at + (GROUP + n) * TILE + CHANNELS, mask=below, other=0.0),)
    return begun, carried


@triton.jit(do_not_specialize=["batch", "multiplier", "shift", "steps", "segments"])
def walk_backward(
    gradient, x, projected, dt_weight, dt_bias, A, D, scratch, ends,
    x_gradients, value_gradients, weight_gradients, bias_gradients, A_gradients, D_gradients,
    batch, length, width, multiplier, shift, inner, steps, segments,
    RANK: tl.constexpr, RANK_BLOCK: tl.constexpr, VALUE_BLOCK: tl.constexpr, STATE: tl.constexpr, GROUP: tl.constexpr,
    ROWS: tl.constexpr, IMAGES: tl.constexpr, CHANNELS: tl.constexpr, AHEAD: tl.constexpr, EVEN: tl.constexpr,
    WHOLE: tl.constexpr, WIDE: tl.constexpr, PRECISE: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """Walk one direction with GROUP states both ways: ROWS segments, which are all, of IMAGES images.

    Programs: groups of images · blocks of channels · groups of states · 4 directions. gradient and x (batch, length,
    inner). Memory of each program's own: ``scratch`` (programs, steps / AHEAD, parts, rows, CHANNELS) and float32
    ``ends`` (programs, 2 · GROUP, rows, CHANNELS), where parts are GROUP, or twice that for several segments.

    Writes ``x_gradients`` (groups of states · 4, batch, length, inner) and ``value_gradients`` (blocks, groups of
    states, batch, length, 4, RANK + 2·STATE), which are to be added up, and in float32, for every group of images,
    ``weight_gradients`` (groups of states · 4, inner, RANK), ``bias_gradients`` and ``D_gradients`` (groups of
    states · 4, inner), and ``A_gradients`` (4, inner, STATE). Nothing is added to memory, so that no result depends
    on the order of programs.
    """
    ALL_ROWS: tl.constexpr = ROWS * IMAGES
    VALUES: tl.constexpr = RANK + 2 * STATE
    GROUPS: tl.constexpr = (STATE + GROUP - 1) // GROUP
    CUT: tl.constexpr = ROWS > 1
    PARTS: tl.constexpr = GROUP * (2 if CUT else 1)
    LOW: tl.constexpr = tl.float32 if PRECISE else x.dtype.element_ty
    BACK: tl.constexpr = tl.float32 if PRECISE else tl.bfloat16  # gradients may be beyond float16's range
    blocks = tl.cdiv(inner, CHANNELS)
    program = tl.program_id(0)
    own = program % (4 * GROUPS)
    block, images = program // (4 * GROUPS) % blocks, program // (4 * GROUPS) // blocks
    direction, first = own % 4, own // 4 * GROUP
    row = tl.arange(0, ALL_ROWS)
    segment = row % ROWS
    image = images * IMAGES + row // ROWS
    start = tl.where(image < batch, segment * steps, length)
    image = tl.minimum(image, batch - 1).to(tl.int64)
    channel = block * CHANNELS + channels_in_order(CHANNELS)
    inside = channel < inner
    memory = block * CHANNELS + channels_in_quarters(CHANNELS)
    parameter = direction * inner + channel
    sizes = (length, width, multiplier, shift, inner)
    part = (block.to(tl.int64) * GROUPS + own // 4) * batch + image
    maps = (
        (x + image * length * inner)[None, :, None],
        (gradient + image * length * inner)[None, :, None],
        projected + image * length * (4 * VALUES) + direction * VALUES,
        (x_gradients + (own.to(tl.int64) * batch + image) * length * inner)[None, :, None],
        value_gradients + part * length * (4 * VALUES) + direction * VALUES,
    )
    kept = scratch + program.to(tl.int64) * (steps // AHEAD) * (PARTS * ALL_ROWS * CHANNELS)
    weights = weights_of(dt_weight, dt_bias, parameter, inside, LOW, RANK, RANK_BLOCK, True)
    rates = rates_of(A, parameter, inside, first, STATE, GROUP)
    state, decay, adjoint, skipped = first_pass(
        start, steps, maps, kept, direction, sizes, memory, memory < inner, weights, rates, first,
        RANK, RANK_BLOCK, STATE, GROUP, ALL_ROWS, CHANNELS, AHEAD, CUT, LOW, EVEN, WHOLE, WIDE, PRECISE, PTX,
    )  # fmt: skip
    begun = copies(tl.zeros((ALL_ROWS, CHANNELS), tl.float32), GROUP)
    carried = begun
    if CUT:
        own_ends = ends + program.to(tl.int64) * (2 * GROUP * ALL_ROWS * CHANNELS)
        begun, carried = ends_of_segments(own_ends, segment, state, decay, adjoint, GROUP, ROWS, CHANNELS)
    # What the first pass has kept is read by other lanes.
    tl.debug_barrier()
    column = tl.arange(0, VALUE_BLOCK)
    back_at = dt_weight + parameter[:, None] * RANK + column[None, :]
    back = tl.load(back_at, mask=inside[:, None] & (column < RANK)[None, :], other=0.0).to(BACK)
    # Read again, so that the compiler computes decays twice, and does not hold them in registers.
    rates_again = rates_of(A, parameter, inside, first, STATE, GROUP)
    skip = tl.where(first == 0, channel_row(D, parameter, inside), 0.0)
    rate_gradient, weight_gradient, bias_gradient = second_pass(
        start, steps, maps, kept, begun, carried, direction, sizes, memory, memory < inner, weights, back, rates,
        rates_again, skip, first,
        RANK, RANK_BLOCK, STATE, GROUP, ALL_ROWS, CHANNELS, AHEAD, CUT, LOW, BACK, EVEN, WHOLE, WIDE, PRECISE, PTX,
        VALUE_BLOCK,
    )  # fmt: skip
    total = (images * (4 * GROUPS) + own) * inner + channel
    rank = tl.arange(0, RANK_BLOCK)[:, None]
    if RANK < RANK_BLOCK:
        bias_gradient = tl.where(rank == RANK, weight_gradient, 0.0)
    tl.store(bias_gradients + total, tl.sum(bias_gradient, axis=0), mask=inside)
    tl.store(D_gradients + total, tl.where(first == 0, tl.sum(skipped, axis=0), 0.0), mask=inside)
    tl.store(weight_gradients + total[None, :] * RANK + rank, weight_gradient, mask=inside[None, :] & (rank < RANK))
    rates_at = A_gradients + ((images * 4 + direction) * inner + channel) * STATE + first
    for n in tl.static_range(GROUP):
        tl.store(rates_at + n, tl.sum(rate_gradient[n], axis=0) * LN_2, mask=inside & (first + n < STATE))
