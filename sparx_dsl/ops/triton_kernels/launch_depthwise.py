"""Depthwise convolutions of channels-last maps in Triton: allocate and launch."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# pyright: reportMissingImports=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportCallIssue=false, reportArgumentType=false
# Triton has no types, and may be missing.

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sparx_dsl.ops.triton_kernels.buffers import by_position, float32
from sparx_dsl.ops.triton_kernels.launch_norms import empty_maps
from sparx_dsl.ops.triton_kernels.map_parts import PROGRAMS, channel_block, pitched

TALL, WIDE = 4, 8
"""The rows, and the places of each, that a program of a small kernel has at a time."""
LARGEST_UNROLLED = 5
"""The largest kernel whose taps registers hold."""
LARGEST_SUMMED = 7
"""The largest kernel whose taps' gradients registers hold."""
PLACES = 16
"""The places that a program of a large kernel, or of a strided one, has at a time."""
WIDEST = 64
"""The most channels of a program."""


def depthwise(
    x: Sequence[Tensor], weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str,
    gradient: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The convolution of a map (batch, channels, height, width), or of three interleaved, padded by half its kernel.

    weight (channels, 1, k, k) for odd k. With ``residual`` the map itself is added before the activation; with
    ``gradient``, the result is the activation's derivative times that. Channels-last.
    """
    from sparx_dsl.ops.triton_kernels import depthwise as kernels

    batch, each, height, width = x[0].shape
    inner, kernel = each * len(x), weight.shape[2]
    out_height, out_width = (-(-size // stride) for size in (height, width))
    out = empty_maps(x[0], inner, out_height, out_width)
    if out.numel() == 0:
        return out.permute(0, 3, 1, 2)
    sources, pitch = sources_of(x)
    taps = weight if weight.stride(2) == kernel * weight.stride(3) else weight.contiguous()
    g = out if gradient is None else by_position(gradient)
    block = channel_block(inner, widest(kernel, interleaved=len(x) > 1))
    tensors = (*sources, taps, taps if bias is None else bias.contiguous(), g, out)
    constants = {
        "KERNEL": kernel, "CHANNELS": block, "HAS_BIAS": bias is not None, "RESIDUAL": residual,
        "INTERLEAVED": len(x) > 1, "ACTIVATION": activation, "GRADIENT": gradient is not None, "num_warps": 4,
    }  # fmt: skip
    blocks = -(-inner // block)
    with torch.cuda.device_of(x[0]):
        if stride == 1 and kernel <= LARGEST_UNROLLED:
            columns, bands = -(-width // WIDE), -(-height // TALL)
            strips = max(1, min(bands, batch * columns * blocks * bands // PROGRAMS))
            kernels.depthwise_rows[(columns * -(-bands // strips), blocks, batch)](
                *tensors, height, width, inner, pitch, taps.stride(3), taps.stride(0), strips, TALL=TALL, WIDE=WIDE,
                **constants,
            )  # fmt: skip
        else:
            kernels.depthwise_taps[(-(-out_height * out_width // PLACES), blocks, batch)](
                *tensors, height, width, out_height, out_width, inner, pitch, taps.stride(3), taps.stride(0), stride,
                ROWS=PLACES, **constants,
            )  # fmt: skip
    return out.permute(0, 3, 1, 2)


def depthwise_weight_gradient(gradient: Tensor, x: Tensor, kernel: int, stride: int) -> tuple[Tensor, Tensor]:
    """The gradients of weight (channels, 1, k, k) and bias (channels,) in float32, for k up to ``LARGEST_SUMMED``.

    gradient (batch, channels, …) is that of the convolution of x (batch, channels, height, width). Summed always in
    the same order.
    """
    from sparx_dsl.ops.triton_kernels.depthwise import depthwise_weight_gradient as launched

    batch, inner, height, width = x.shape
    out_height, out_width = gradient.shape[2:]
    (source, pitch), g, rows = pitched(x), by_position(gradient), batch * out_height
    block = channel_block(inner, widest(kernel))
    blocks = -(-inner // block)
    parts = max(1, min(rows, PROGRAMS // blocks))
    sums = float32(x, parts, kernel * kernel + 1, inner)
    with torch.cuda.device_of(x):
        launched[(parts, blocks)](
            g, source, sums, rows, height, width, out_height, out_width, inner, pitch, stride, KERNEL=kernel,
            WIDE=WIDE, CHANNELS=block, num_warps=4,
        )  # fmt: skip
    total = sums.sum(0)
    return total[:-1].t().reshape(inner, 1, kernel, kernel), total[-1].clone()


def widest(kernel: int, *, interleaved: bool = False) -> int:
    """The most channels of a program: fewer where registers hold many taps, or the addresses of three maps."""
    return WIDEST // 2 if interleaved or LARGEST_UNROLLED < kernel <= LARGEST_SUMMED else WIDEST


def sources_of(x: Sequence[Tensor]) -> tuple[tuple[Tensor, Tensor, Tensor], int]:
    """One map, or three of (batch, channels, height, width), as the kernels read them, and their pitch."""
    if len(x) == 1:
        source, pitch = pitched(x[0])
        return (source, source, source), pitch
    first, second, third = (by_position(each) for each in x)
    return (first, second, third), x[0].shape[1]
