"""The norms of channels-last maps in Triton: allocate, launch, and sum what parts leave."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false, reportArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.triton_kernels.blocks import power_of_two
from sparx_dsl.ops.triton_kernels.buffers import by_position, float32
from sparx_dsl.ops.triton_kernels.map_parts import PROGRAMS, TILE, map_parts, pitched

MANY_IMAGES = 64
"""From so many images on, one program for each fills half of a large GPU, and one launch is faster than two."""
WHOLE_BLOCK = 8192
"""The values that the one program of an image has at a time."""


def map_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """GroupNorm of one group of maps (batch, channels, height, width): in the same shape, channels-last.

    Also gives (batch, 2) in float32: the mean, and the inverse of the deviation.
    """
    from sparx_dsl.ops.triton_kernels import map_norm as kernels

    batch, inner, height, width = x.shape
    out, statistics = empty_maps(x, inner, height, width), float32(x, batch, 2)
    if x.numel() == 0:
        return out.permute(0, 3, 1, 2), statistics.zero_()
    (source, pitch), places = pitched(x), height * width
    weight, bias = weight.contiguous(), bias.contiguous()
    with torch.cuda.device_of(x):
        if batch >= MANY_IMAGES:
            kernels.map_norm_whole[(batch,)](
                source, weight, bias, out, statistics, places, inner, pitch, epsilon, DENSE=pitch == inner,
                BLOCK=min(WHOLE_BLOCK, power_of_two(places * inner)), num_warps=16,
            )  # fmt: skip
        else:
            parts = map_parts(batch, places, inner)
            moments, grid = float32(x, batch, parts.programs, 3), (parts.programs, batch)
            sizes = {"ROWS": parts.rows, "CHANNELS": parts.channels, "num_warps": 8}
            kernels.map_statistics[grid](source, moments, places, inner, pitch, parts.span, **sizes)
            kernels.map_norm_apply[grid](
                source, moments, weight, bias, out, statistics, places, inner, pitch, parts.span, parts.programs,
                epsilon, PARTS=power_of_two(parts.programs), **sizes,
            )  # fmt: skip
    return out.permute(0, 3, 1, 2), statistics


def map_norm_backward(gradient: Tensor, x: Tensor, weight: Tensor, statistics: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, weight and bias, in x's shape and (channels,), from the result's gradient."""
    from sparx_dsl.ops.triton_kernels import map_norm_backward as kernels

    batch, inner, height, width = x.shape
    out = empty_maps(x, inner, height, width)
    if x.numel() == 0:
        return out.permute(0, 3, 1, 2), torch.zeros_like(weight), torch.zeros_like(weight)
    (source, pitch), places, weight = pitched(x), height * width, weight.contiguous()
    g, parts = by_position(gradient), map_parts(batch, places, inner)
    sums, grid = float32(x, batch, parts.parts, 2, inner), (parts.programs, batch)
    sizes = {"ROWS": parts.rows, "CHANNELS": parts.channels, "num_warps": 8}
    with torch.cuda.device_of(x):
        kernels.map_norm_sums[grid](g, source, statistics, sums, places, inner, pitch, parts.span, **sizes)
        each = sums.sum(1)
        means = (each * weight.float()).sum(2) / (places * inner)
        kernels.map_norm_gradient[grid](
            g, source, weight, statistics, means, out, places, inner, pitch, parts.span, **sizes
        )
    weight_gradient, bias_gradient = each.sum(0).to(weight.dtype).unbind(0)
    return out.permute(0, 3, 1, 2), weight_gradient.clone(), bias_gradient.clone()


def position_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """LayerNorm over the channels of maps (batch, channels, height, width): in the same shape, channels-last."""
    from sparx_dsl.ops.triton_kernels.position_norm import position_norm as kernel

    batch, inner, height, width = x.shape
    out = empty_maps(x, inner, height, width)
    if x.numel():
        (source, pitch), places = pitched(x), batch * height * width
        channels, rows = position_block(inner)
        with torch.cuda.device_of(x):
            kernel[(-(-places // rows),)](
                source, weight.contiguous(), bias.contiguous(), out, places, inner, pitch, epsilon, ROWS=rows,
                CHANNELS=channels, num_warps=4,
            )  # fmt: skip
    return out.permute(0, 3, 1, 2)


def position_norm_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, weight and bias, in x's shape and (channels,), from the result's gradient."""
    from sparx_dsl.ops.triton_kernels.position_norm import position_norm_backward as kernel

    batch, inner, height, width = x.shape
    out = empty_maps(x, inner, height, width)
    if x.numel() == 0:
        return out.permute(0, 3, 1, 2), torch.zeros_like(weight), torch.zeros_like(weight)
    (source, pitch), places = pitched(x), batch * height * width
    channels, rows = position_block(inner)
    span = max(1, -(-places // (PROGRAMS * rows))) * rows
    programs = -(-places // span)
    sums = float32(x, programs, 2, inner)
    with torch.cuda.device_of(x):
        kernel[(programs,)](
            by_position(gradient), source, weight.contiguous(), out, sums, places, inner, pitch, span, epsilon,
            ROWS=rows, CHANNELS=channels, num_warps=4,
        )  # fmt: skip
    weight_gradient, bias_gradient = sums.sum(0).to(weight.dtype).unbind(0)
    return out.permute(0, 3, 1, 2), weight_gradient.clone(), bias_gradient.clone()


def position_block(channels: int) -> tuple[int, int]:
    """The channels and the places of a program of LayerNorm."""
    block = max(16, power_of_two(channels))
    return block, max(1, TILE // 2 // block)


def empty_maps(x: Tensor, channels: int, height: int, width: int) -> Tensor:
    """Memory for as many maps as x has, (batch, height, width, channels), in its dtype."""
    return torch.empty(x.shape[0], height, width, channels, device=x.device, dtype=x.dtype)
