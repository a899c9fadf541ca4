"""The fused SS2D in Triton: allocate, launch, and add the maps of the walks."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false
# Triton has no types, and may be missing.

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops import pipeline
from sparx_dsl.ops.arguments import DIRECTIONS, SS2DGradients, SS2DInputs
from sparx_dsl.ops.triton_kernels import launch_scan
from sparx_dsl.ops.triton_kernels.blocks import MOST_POSITIONS, power_of_two, reciprocal
from sparx_dsl.ops.triton_kernels.buffers import add_maps, by_position, float32, has_ptx, is_precise, walk_maps
from sparx_dsl.ops.triton_kernels.candidates import Direction
from sparx_dsl.ops.triton_kernels.settings import (
    MOST_RANK,
    MOST_STATES,
    MOST_STATES_BACKWARD,
    WalkSettings,
    WalkShape,
    value_block,
)
from sparx_dsl.ops.triton_kernels.tuning import settings_for


def ss2d(inputs: SS2DInputs, *, settings: WalkSettings | None = None) -> Tensor:
    """The fused SS2D: the sum over four walks of the selective scan, without time steps or copies in memory.

    Returns (batch, inner, height, width), channels-last, in x's dtype. Besides it, needs memory for four results, in
    x's dtype (float32 where that is float16); more for more states than fit the registers. Not fused for a rank above
    ``MOST_RANK`` or more states than ``MOST_STATES``. Raises ``ValueError`` for a map of ``MOST_POSITIONS`` or more.
    """
    x = inputs.x
    shape = walk_shape(inputs)
    if not is_fused(inputs, "forward"):
        return pipeline.ss2d(launch_scan.scan, inputs)
    if settings is None:
        settings = settings_for("forward", shape, x, lambda each: ss2d(inputs, settings=each))
    groups = -(-shape.state // settings.group)
    maps = walk_maps(x, DIRECTIONS * groups)
    split = settings.segments > settings.rows
    kept = groups * DIRECTIONS * shape.batch * settings.segments * shape.channels if split else 0
    totals, states = float32(x, kept), float32(x, kept * settings.group)
    if split:
        _walk(inputs, maps, totals, states, settings, output=False)
        _scan_segments(inputs, totals, states, settings)
    _walk(inputs, maps, totals, states, settings, output=True)
    return add_maps(maps, x.dtype).permute(0, 3, 1, 2)


def ss2d_backward(gradient: Tensor, inputs: SS2DInputs, *, settings: WalkSettings | None = None) -> SS2DGradients:
    """The gradients of SS2D's six tensors, in their shapes and dtypes, from y's (batch, inner, height, width).

    One launch, two that add maps, and sums of what they leave.

    Besides them, needs memory for four gradients of x for every 2 states, for one of ``projected`` for every block of
    16 channels, and for half as many states as there are places; all in x's dtype, or bfloat16 where that is
    float16 (the first of these float32). Not fused for a rank above ``MOST_RANK`` or more states than
    ``MOST_STATES_BACKWARD``. Raises as ``ss2d``.
    """
    from sparx_dsl.ops.triton_kernels.ss2d_backward import walk_backward

    x, projected, dt_weight, dt_bias, A, D = inputs
    shape = walk_shape(inputs)
    if not is_fused(inputs, "backward"):
        return pipeline.ss2d_backward(launch_scan.scan_backward, gradient, inputs)
    if settings is None:
        settings = settings_for("backward", shape, x, lambda each: ss2d_backward(gradient, inputs, settings=each))
    images, blocks = -(-shape.batch // settings.images), -(-shape.channels // settings.channels)
    groups, steps = -(-shape.state // settings.group), settings.steps(shape.positions)
    programs = images * blocks * groups * DIRECTIONS
    tile = settings.rows * settings.images * settings.channels
    parts = settings.group * (2 if settings.rows > 1 else 1)
    low = torch.float32 if is_precise(x, projected) else torch.bfloat16
    scratch = torch.empty(programs, steps // settings.ahead, parts, tile, device=x.device, dtype=low)
    ends = float32(x, programs, 2 * settings.group, tile)
    x_gradients = walk_maps(x, DIRECTIONS * groups)
    # Of every group's own states; those of the others stay zero.
    value_gradients = (torch.zeros if groups > 1 else torch.empty)(
        blocks * groups, *projected.shape, device=x.device, dtype=low
    )
    weight_gradients = float32(x, images * groups, DIRECTIONS, shape.channels, shape.rank)
    bias_gradients, D_gradients = (float32(x, images * groups, DIRECTIONS, shape.channels) for _ in range(2))
    A_gradients = float32(x, images, DIRECTIONS, shape.channels, shape.state)
    with torch.cuda.device_of(x):
        walk_backward[(programs,)](
            by_position(gradient), by_position(x), projected.contiguous(), dt_weight.contiguous(),
            dt_bias.contiguous(), A.contiguous(), D.contiguous(), scratch, ends, x_gradients, value_gradients,
            weight_gradients, bias_gradients, A_gradients, D_gradients, *walk_sizes(inputs), steps, settings.segments,
            **walk_constants(inputs, settings), VALUE_BLOCK=value_block(shape, settings),
        )  # fmt: skip
    return (
        add_maps(x_gradients, x.dtype).permute(0, 3, 1, 2),
        add_maps(value_gradients, projected.dtype),
        weight_gradients.sum(0).to(dt_weight.dtype),
        bias_gradients.sum(0).to(dt_bias.dtype),
        A_gradients.sum(0).to(A.dtype).view_as(A),
        D_gradients.sum(0).to(D.dtype).view_as(D),
    )


def is_fused(inputs: SS2DInputs, direction: Direction) -> bool:
    """Whether the fused kernels of that direction serve inputs of any shape: registers hold their rank and states."""
    most = MOST_STATES if direction == "forward" else MOST_STATES_BACKWARD
    return inputs.dt_weight.shape[2] <= MOST_RANK and inputs.A.shape[1] <= most


def walk_shape(inputs: SS2DInputs) -> WalkShape:
    """What settings are chosen by, of x (batch, inner, height, width) and the others.

    Raises ``ValueError`` for a map of ``MOST_POSITIONS`` or more.
    """
    batch, inner, height, width = inputs.x.shape
    if height * width >= MOST_POSITIONS:
        raise ValueError(f"a map of {height} × {width} has too many positions: below {MOST_POSITIONS} are possible")
    precise = is_precise(inputs.x, inputs.projected)
    return WalkShape(batch, inner, height * width, inputs.dt_weight.shape[2], inputs.A.shape[1], precise)


def walk_sizes(inputs: SS2DInputs) -> tuple[int, ...]:
    """What both kernels take of x (batch, inner, height, width): batch, length, width, height inverted, inner."""
    batch, inner, height, width = inputs.x.shape
    return batch, height * width, width, *reciprocal(max(height, 1)), inner


def walk_constants(inputs: SS2DInputs, settings: WalkSettings) -> dict[str, int | bool]:
    """The constants that both kernels are compiled for, of x (batch, inner, height, width) and the settings."""
    batch, length, _, _, _, inner = walk_sizes(inputs)
    rank = inputs.dt_weight.shape[2]
    whole_rows = settings.segments % settings.rows == 0 and batch % settings.images == 0
    return {
        "RANK": rank,
        "RANK_BLOCK": max(16, power_of_two(max(1, rank))),
        "STATE": inputs.A.shape[1],
        "GROUP": settings.group,
        "ROWS": settings.rows,
        "IMAGES": settings.images,
        "CHANNELS": settings.channels,
        "AHEAD": settings.ahead,
        "EVEN": whole_rows and settings.steps(length) * settings.segments == length,
        "WHOLE": inner % settings.channels == 0,
        "WIDE": max(inputs.x.shape[1:].numel(), inputs.projected.shape[1:].numel()) >= 2**31,
        "PRECISE": is_precise(inputs.x, inputs.projected),
        "PTX": has_ptx(),
        "num_warps": settings.warps,
    }


def _walk(
    inputs: SS2DInputs, maps: Tensor, totals: Tensor, states: Tensor, settings: WalkSettings, *, output: bool
) -> None:
    """Write the maps of the walks, or the totals and states of their segments."""
    from sparx_dsl.ops.triton_kernels.ss2d_forward import walk_forward

    x, projected, dt_weight, dt_bias, A, D = inputs
    sizes = walk_sizes(inputs)
    with torch.cuda.device_of(x):
        walk_forward[(settings.programs(len(x), x.shape[1]), len(maps))](
            by_position(x), projected.contiguous(), dt_weight.contiguous(), dt_bias.contiguous(), A.contiguous(),
            D.contiguous(), maps, totals, states, *sizes, settings.steps(sizes[1]), settings.segments,
            **walk_constants(inputs, settings), DOT=settings.dot, SPLIT=settings.segments > settings.rows,
            OUTPUT=output,
        )  # fmt: skip


def _scan_segments(inputs: SS2DInputs, totals: Tensor, states: Tensor, settings: WalkSettings) -> None:
    """From the states that segments end in to those that they start from."""
    from sparx_dsl.ops.triton_kernels.ss2d_forward import scan_segments

    batch, inner = inputs.x.shape[:2]
    channels = min(64, power_of_two(inner))
    groups = -(-inputs.A.shape[1] // settings.group)
    with torch.cuda.device_of(inputs.x):
        scan_segments[(batch * -(-inner // channels), groups * DIRECTIONS, settings.group)](
            totals, states, inputs.A.contiguous(), batch, settings.segments, inner, STATE=inputs.A.shape[1],
            GROUP=settings.group, CHANNELS=channels, AHEAD=4, num_warps=max(1, channels // 32),
        )  # fmt: skip
