"""Products over the channels of maps through oneDNN, with derivatives: 1×1 convolutions in training on CPU.

PyTorch runs these by its BLAS, which on some processors takes twice as long. Importing this module registers
``torch.ops.sparx_dsl.channel_product`` and ``channel_product_backward``. They save what PyTorch's convolution saves,
can be differentiated twice, and check their arguments, in their bodies and in their fake implementations.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# torch.library has no complete types.

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import register_flop_formula

from sparx_dsl.ops.arguments import require, require_memory, sizes
from sparx_dsl.ops.map_backends import derivative
from sparx_dsl.ops.map_checks import MAP, check_gradient

GEOMETRY = ([0, 0], [1, 1], [1, 1], 1)
"""Padding, stride, dilation and groups of a 1×1 convolution."""


@torch.library.custom_op("sparx_dsl::channel_product", mutates_args=(), device_types="cpu")
def channel_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The 1×1 convolution of x (batch, channels, height, width): (batch, out_channels, height, width).

    The result is channels-last where x is, and contiguous otherwise.
    weight (out_channels, channels, 1, 1), bias (out_channels,), all in float32.
    """
    _check(x, weight, bias)
    require_memory({"x": x, "weight": weight, "bias": bias})
    return _product(x, weight, bias, layout_of(x))


@torch.library.custom_op("sparx_dsl::channel_product_backward", mutates_args=(), device_types="cpu")
def channel_product_backward(gradient: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x (batch, channels, height, width), weight (out_channels, channels, 1, 1) and bias.

    gradient (batch, out_channels, height, width).
    """
    _check(x, weight, None)
    check_gradient(gradient, (len(x), len(weight), *x.shape[2:]), x)
    require_memory({"gradient": gradient, "x": x, "weight": weight})
    gradient = gradient.contiguous(memory_format=layout_of(x))
    dx = _product(gradient, weight.transpose(0, 1), None, layout_of(x))
    return dx, _weight_gradient(gradient, x), gradient.sum((0, 2, 3))


def outruns_blas() -> bool:
    """Whether oneDNN is there, and faster than PyTorch's BLAS.

    It is not where AVX2 is the best there is: the rows "channel product" of ``benchmarks/kernels.py``.
    """
    mkldnn = torch.backends.mkldnn
    return mkldnn.is_available() and mkldnn.enabled and torch.backends.cpu.get_cpu_capability() != "AVX2"


def layout_of(x: Tensor) -> torch.memory_format:
    """Channels-last for a map (batch, channels, height, width) that is nothing else."""
    last = not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, layout: torch.memory_format) -> Tensor:
    if not x.numel() or not len(weight):
        made = x.new_zeros((len(x), len(weight), *x.shape[2:]))
        return (made if bias is None else made + bias[:, None, None]).contiguous(memory_format=layout)
    offsets = None if bias is None else bias.contiguous()
    given = x.contiguous(memory_format=layout), weight.contiguous(memory_format=layout)
    found = torch.ops.aten.mkldnn_convolution(*given, offsets, *GEOMETRY)
    return found.contiguous(memory_format=layout)


def _weight_gradient(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient of the weight, from maps of one layout: one product for all images, or one for each."""
    found = x.new_zeros(gradient.shape[1], x.shape[1])
    if gradient.numel() and x.numel():
        if layout_of(x) is torch.channels_last:
            found = _rows(gradient.permute(1, 0, 2, 3).flatten(1), x.permute(1, 0, 2, 3).flatten(1))
        else:
            for g, image in zip(gradient.flatten(2), x.contiguous().flatten(2), strict=True):
                found += _rows(g, image)
    return found[:, :, None, None]


def _rows(first: Tensor, second: Tensor) -> Tensor:
    """The products of all rows of one matrix (n, positions) with all of another (m, positions): (n, m)."""
    return cast(Tensor, torch.ops.mkldnn._linear_pointwise(first, second, None, "none", [], ""))


def _check(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Raise ``ValueError`` for arguments that the operators do not take."""
    shape = sizes("x", x, MAP)
    out = sizes("weight", weight, ("out_channels", "channels", "1", "1"))[0]
    require("x", x, shape, x)
    require("weight", weight, (out, shape[1], 1, 1), x)
    if bias is not None:
        require("bias", bias, (out,), x)
    for name, each in (("x", x), ("weight", weight), ("bias", bias)):
        if each is not None and each.dtype != torch.float32:
            raise ValueError(f"{name} has dtype {each.dtype}: float32 is required")


@channel_product.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    _check(x, weight, bias)
    return torch.empty_like(x.new_empty((len(x), len(weight), *x.shape[2:])), memory_format=layout_of(x))


@channel_product_backward.register_fake
def _(gradient: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    _check(x, weight, None)
    check_gradient(gradient, (len(x), len(weight), *x.shape[2:]), x)
    dx = torch.empty_like(x, memory_format=layout_of(x))
    return dx, weight.new_empty(weight.shape), weight.new_empty(len(weight))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.has_bias = inputs[2] is not None
    ctx.save_for_backward(*inputs[:2])


def _derivative(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    x, weight = ctx.saved_tensors
    if torch.is_grad_enabled() and x.numel():
        found = derivative(lambda *each: functional.conv2d(each[0], each[1]), gradient, (x, weight))
        return found[0], found[1], gradient.sum((0, 2, 3)) if ctx.has_bias else None
    dx, d_weight, d_bias = channel_product_backward(gradient, x, weight)
    return dx, d_weight, d_bias if ctx.has_bias else None


channel_product.register_autograd(_derivative, setup_context=_keep)


@register_flop_formula(torch.ops.sparx_dsl.channel_product)
def _(x: Sequence[int], weight: Sequence[int], *rest: Any, **others: Any) -> int:
    return 2 * prod(x) * weight[0]


@register_flop_formula(torch.ops.sparx_dsl.channel_product_backward)
def _(gradient: Any, x: Sequence[int], weight: Sequence[int], **others: Any) -> int:
    return 2 * 2 * prod(x) * weight[0]
