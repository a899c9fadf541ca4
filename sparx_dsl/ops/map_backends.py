"""Which implementation runs a norm or a depthwise convolution of maps: Triton's kernels, or plain PyTorch.

Kernels get what the operators have checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from sparx_dsl.ops import map_definitions
from sparx_dsl.ops.triton_kernels import availability

DTYPES = frozenset({torch.float32, torch.bfloat16, torch.float16})
"""The dtypes of the kernels."""
MOST_VALUES = 2**31 - 1
"""The values of the largest image whose offsets the kernels count in 32 bits."""
MOST_CHANNELS = 4096
"""The most channels that a program of LayerNorm has at a time."""
LARGEST_SUMMED = 7
"""The largest kernel whose weight's gradient is summed by a kernel."""


def kernels_serve(*maps: Tensor) -> bool:
    """Whether Triton's kernels run on maps (batch, channels, height, width) of that device, dtype and size."""
    first = maps[0]
    _, channels, height, width = first.shape
    strides = max(first.stride(3), channels * len(maps))
    fits = height * width * max(strides, 1) <= MOST_VALUES
    return fits and first.dtype in DTYPES and availability.problem(first.device.type) is None


def group_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """As ``map_definitions.group_norm``, for maps (batch, channels, height, width)."""
    if kernels_serve(x):
        from sparx_dsl.ops.triton_kernels import launch_norms

        return launch_norms.map_norm(x, weight, bias, epsilon)
    return map_definitions.group_norm(x, weight, bias, epsilon)


def group_norm_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, statistics: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x (batch, channels, height, width), weight and bias (channels,)."""
    if kernels_serve(x):
        from sparx_dsl.ops.triton_kernels import launch_norms

        return launch_norms.map_norm_backward(gradient, x, weight, statistics)
    return map_definitions.group_norm_backward(gradient, x, weight, statistics)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """As ``map_definitions.layer_norm``, for maps (batch, channels, height, width)."""
    if kernels_serve(x) and x.shape[1] <= MOST_CHANNELS:
        from sparx_dsl.ops.triton_kernels import launch_norms

        return launch_norms.position_norm(x, weight, bias, epsilon)
    return map_definitions.layer_norm(x, weight, bias, epsilon)


def layer_norm_backward(gradient: Tensor, x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x (batch, channels, height, width), weight and bias (channels,)."""
    if kernels_serve(x) and x.shape[1] <= MOST_CHANNELS:
        from sparx_dsl.ops.triton_kernels import launch_norms

        return launch_norms.position_norm_backward(gradient, x, weight, epsilon)
    return map_definitions.layer_norm_backward(gradient, x, weight, epsilon)


def depthwise(
    maps: tuple[Tensor, ...], weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str
) -> Tensor:
    """As ``map_definitions.depthwise``, of one map (batch, channels, height, width), or of three interleaved."""
    if kernels_serve(*maps):
        from sparx_dsl.ops.triton_kernels import launch_depthwise

        return launch_depthwise.depthwise(maps, weight, bias, stride, residual, activation)
    x = maps[0] if len(maps) == 1 else map_definitions.interleaved(maps)
    return map_definitions.depthwise(x, weight, bias, stride, residual, activation)


def has_gradient_kernel(kernel: int, stride: int) -> bool:
    """Whether the gradients of a depthwise convolution of that size and stride have kernels; PyTorch's serve others."""
    return kernel % 2 == 1 and kernel <= LARGEST_SUMMED and stride == 1


def depthwise_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x (batch, channels, height, width), weight (channels, 1, k, k) and bias (channels,).

    The bias's is there whether or not there is one.
    """
    kernel = weight.shape[2]
    if not kernels_serve(x) or not has_gradient_kernel(kernel, stride) or gradient.numel() == 0:
        return map_definitions.depthwise_backward(gradient, x, weight, bias, stride, residual, activation)
    from sparx_dsl.ops.triton_kernels import launch_depthwise

    inner = gradient  # that of what the activation is applied to
    if activation != "none":
        inner = launch_depthwise.depthwise((x,), weight, bias, stride, residual, activation, gradient)
    # A convolution's gradient is the convolution with its kernel turned around; the residual's is its own.
    x_gradient = launch_depthwise.depthwise((inner,), weight.flip(2, 3), None, 1, residual, "none")
    taps, offsets = launch_depthwise.depthwise_weight_gradient(inner, x, kernel, stride)
    return x_gradient, taps.to(weight.dtype), offsets.to(weight.dtype)


def derivative(function: Callable[..., Tensor], gradient: Tensor, tensors: Sequence[Tensor]) -> list[Any]:
    """The gradients of tensors of any shape, by autograd, of a function of them; with their own graph where asked for.

    Equal tensors count as different ones.
    """
    create = torch.is_grad_enabled()
    with torch.enable_grad(), torch.autocast(gradient.device.type, enabled=False):
        given = [each.view_as(each) if create and each.requires_grad else each.detach().requires_grad_()
                 for each in tensors]  # fmt: skip
        result = function(*given)
    return list(torch.autograd.grad(result, given, gradient, create_graph=create))
