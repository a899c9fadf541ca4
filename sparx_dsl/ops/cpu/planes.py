"""The compiled library's depthwise convolution of channels-first maps, called with tensors that were checked."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.cpu import library

KERNELS = (3, 5, 7)
"""The sizes that are compiled."""


def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution of x (batch, channels, height, width), of x's shape; weight (channels, 1, k, k), all float32."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    offsets = weight.new_zeros(len(weight)) if bias is None else bias.contiguous()
    _call("planes_forward", weight, {"x": x.contiguous(), "bias": offsets, "y": y})
    return y


def backward(gradient: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x (batch, channels, height, width), weight (channels, 1, k, k) and bias (channels,)."""
    dx = torch.empty_like(x, memory_format=torch.contiguous_format)
    d_weight, d_bias = weight.new_zeros(weight.shape), weight.new_zeros(len(weight))
    maps = {"x": x.contiguous(), "gradient": gradient.contiguous()}
    _call("planes_backward", weight, maps | {"dx": dx, "d_weight": d_weight, "d_bias": d_bias})
    return dx, d_weight, d_bias


def _call(name: str, weight: Tensor, tensors: dict[str, Tensor]) -> None:
    """Call a function, unless there is nothing to compute."""
    x, weight = tensors["x"], weight.contiguous()
    if x.numel():
        addresses = library.addresses(tensors | {"weight": weight})
        library.function(name)(library.PlanesArguments(*x.shape, weight.shape[2], library.threads(), **addresses))
