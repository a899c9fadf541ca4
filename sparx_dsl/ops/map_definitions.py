"""Norms and depthwise convolutions of maps in plain PyTorch: what their operators run where no kernel serves.

All take and give maps (batch, channels, height, width), compute in float32 at least, and give the dtype of the map.
Results are channels-last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
"""What may follow a depthwise convolution."""
GRADIENTS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gelu": lambda gradient, x: torch.ops.aten.gelu_backward(gradient, x),
    "silu": lambda gradient, x: torch.ops.aten.silu_backward(gradient, x),
}
"""Their derivatives, from the gradient of their result and what they were applied to."""


def group_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """GroupNorm of one group; also (batch, 2) in float32: mean and the inverse of the deviation.

    weight and bias (channels,).
    """
    wide, scale, shift = _widened(x, weight, bias)
    axes = (1, 2, 3)
    mean = wide.mean(axes, keepdim=True)
    inverse = torch.rsqrt(wide.var(axes, correction=0, keepdim=True) + epsilon)
    y = (wide - mean) * inverse * scale[:, None, None] + shift[:, None, None]
    return channels_last(y.to(x.dtype)), torch.cat((mean, inverse), 1).flatten(1).float()


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """LayerNorm over the channels of each place; weight and bias (channels,)."""
    wide, scale, shift = _widened(x, weight, bias)
    y = functional.layer_norm(wide.permute(0, 2, 3, 1), weight.shape, scale, shift, epsilon)
    return channels_last(y.permute(0, 3, 1, 2).to(x.dtype))


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str) -> Tensor:
    """A depthwise convolution padded by half its odd kernel, the map itself added or not, and an activation.

    weight (channels, 1, k, k), bias (channels,).
    """
    wide, taps, *shift = _widened(x, weight, *(() if bias is None else (bias,)))
    padding = weight.shape[2] // 2
    if not x.numel():  # PyTorch refuses maps whose height or width is 0
        return channels_last(x.new_empty(x[:, :, ::stride, ::stride].shape))
    y = functional.conv2d(wide, taps, shift[0] if shift else None, stride, padding, groups=x.shape[1])
    return channels_last(ACTIVATIONS[activation](y + wide if residual else y).to(x.dtype))


def interleaved(maps: Sequence[Tensor]) -> Tensor:
    """Three maps (batch, channels, height, width) concatenated, their channels in the order 0, 3, 6, …, 1, 4, …."""
    joined = torch.unflatten(torch.cat(tuple(maps), 1), 1, (-1, 3))
    return joined.transpose(1, 2).flatten(1, 2)


def interleaved_depthwise(
    first: Tensor, second: Tensor, third: Tensor, weight: Tensor, bias: Tensor | None, activation: str
) -> Tensor:
    """``depthwise`` of stride 1 of what ``interleaved`` gives; weight (3·channels, 1, k, k)."""
    return depthwise(interleaved((first, second, third)), weight, bias, 1, False, activation)


def group_norm_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, statistics: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``group_norm``'s x, weight and bias, from the statistics that it gives.

    gradient and x (batch, channels, height, width), weight (channels,), statistics (batch, 2).
    """
    wide, scale, g, known = _widened(x, weight, gradient, statistics)
    mean, inverse = known[:, :, None, None, None].unbind(1)
    normed, scaled = (wide - mean) * inverse, g * scale[:, None, None]
    axes = (1, 2, 3)
    level, along = scaled.mean(axes, keepdim=True), (scaled * normed).mean(axes, keepdim=True)
    found = (scaled - level - normed * along) * inverse
    sums = ((g * normed).sum((0, 2, 3)), g.sum((0, 2, 3)))
    return channels_last(found.to(x.dtype)), sums[0].to(weight.dtype), sums[1].to(weight.dtype)


def layer_norm_backward(gradient: Tensor, x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``layer_norm``'s x, weight and bias; gradient and x (batch, channels, height, width)."""
    wide, scale, g = _widened(x, weight, gradient)
    apart = wide - wide.mean(1, keepdim=True)
    apart = apart - apart.mean(1, keepdim=True)  # The mean's rounding counts where the deviation is close to zero.
    inverse = torch.rsqrt((apart * apart).mean(1, keepdim=True) + epsilon)
    normed, scaled = apart * inverse, g * scale[:, None, None]
    level, along = scaled.mean(1, keepdim=True), (scaled * normed).mean(1, keepdim=True)
    found = (scaled - level - normed * along) * inverse
    sums = ((g * normed).sum((0, 2, 3)), g.sum((0, 2, 3)))
    return channels_last(found.to(x.dtype)), sums[0].to(weight.dtype), sums[1].to(weight.dtype)


def depthwise_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``depthwise``'s x, weight and bias, in their shapes; that of no bias, too."""
    if not x.numel():
        return channels_last(torch.empty_like(x)), torch.zeros_like(weight), weight.new_zeros(len(weight))
    wide, taps, g = _widened(x, weight, gradient)
    if activation != "none":
        inner = depthwise(wide, weight, bias, stride, residual, "none")
        g = GRADIENTS[activation](g, inner)
    padding = [weight.shape[2] // 2] * 2
    found = torch.ops.aten.convolution_backward(
        g, wide, taps, [len(weight)], [stride] * 2, padding, [1, 1], False, [0, 0], x.shape[1], [True, True, True]
    )
    x_gradient, weight_gradient, bias_gradient = found
    if residual:
        x_gradient = x_gradient + g
    return channels_last(x_gradient.to(x.dtype)), weight_gradient.to(weight.dtype), bias_gradient.to(weight.dtype)


def channels_last(x: Tensor) -> Tensor:
    """The map (batch, channels, height, width), channels-last, as the operators' results lie."""
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


def _widened(x: Tensor, *parameters: Tensor) -> list[Tensor]:
    dtype = torch.promote_types(x.dtype, torch.float32)
    return [each.to(dtype) for each in (x, *parameters)]
