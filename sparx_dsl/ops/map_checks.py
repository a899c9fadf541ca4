"""The checks that the operators on channels-last maps make before a kernel gets an address."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.arguments import require, sizes
from sparx_dsl.ops.map_definitions import ACTIVATIONS

MAP = ("batch", "channels", "height", "width")


def check_norm(x: Tensor, weight: Tensor, bias: Tensor) -> None:
    """Raise ``ValueError`` unless x is (batch, channels, height, width), weight and bias (channels,)."""
    shape = sizes("x", x, MAP)
    require("x", x, shape, x)
    require("weight", weight, (shape[1],), x)
    require("bias", bias, (shape[1],), x)


def check_convolution(
    maps: tuple[Tensor, ...], weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str
) -> None:
    """Raise ``ValueError`` for arguments that the depthwise operators do not take.

    Maps are (batch, channels, height, width), all of one shape and dtype; weight (all channels, 1, k, k) for odd k;
    bias (all channels,).
    """
    first = maps[0]
    shape = sizes("x", first, MAP)
    for each in maps:
        require("x", each, shape, first)
        if each.dtype != first.dtype:
            raise ValueError(f"one map has dtype {each.dtype}, another {first.dtype}: convert one of them")
    channels, kernel = len(maps) * shape[1], sizes("weight", weight, ("channels", "1", "k", "k"))[2]
    require("weight", weight, (channels, 1, kernel, kernel), first)
    if bias is not None:
        require("bias", bias, (channels,), first)
    if kernel % 2 == 0:
        raise ValueError(f"weight is for kernels of {kernel} × {kernel}: padding by half needs an odd size")
    if stride < 1 or (residual and stride > 1):
        wanted = "with a residual it must be 1" if residual else "it must be at least 1"
        raise ValueError(f"stride is {stride}: {wanted}")
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}: write one of {', '.join(ACTIVATIONS)}")


def check_statistics(statistics: Tensor, x: Tensor) -> None:
    """Raise ``ValueError`` unless the statistics are those of GroupNorm, (batch, 2) in float32, for x of any shape."""
    require("statistics", statistics, (x.shape[0], 2), x)
    if statistics.dtype != torch.float32:
        raise ValueError(f"statistics have dtype {statistics.dtype}: float32 is required")


def check_gradient(gradient: Tensor, shape: tuple[int, ...], x: Tensor) -> None:
    """Raise ``ValueError`` unless a gradient is of the result's shape, and in the dtype of the map x of any shape."""
    require("gradient", gradient, shape, x)
    if gradient.dtype != x.dtype:
        raise ValueError(f"gradient has dtype {gradient.dtype}, but x has {x.dtype}: convert one of them")
