"""Depthwise convolutions of channels-first maps on CPU as operators, with derivatives and FLOPs: for training.

PyTorch's own takes several times as long for the gradients there. Importing this module registers
``torch.ops.sparx_dsl.plane_convolution`` and ``plane_convolution_backward``. They save what PyTorch's saves, can be
differentiated twice, and check their arguments, in their bodies and in their fake implementations.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# torch.library has no complete types.

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from sparx_dsl.ops.arguments import require_memory
from sparx_dsl.ops.cpu import library, planes
from sparx_dsl.ops.map_backends import derivative
from sparx_dsl.ops.map_checks import check_convolution, check_gradient
from sparx_dsl.ops.map_definitions import depthwise


def planes_serve(x: Tensor, kernel: int) -> bool:
    """Whether the compiled kernels run on a map (batch, channels, height, width), for kernels of that size."""
    return x.is_cpu and x.dtype == torch.float32 and kernel in planes.KERNELS and library.problem() is None


@torch.library.custom_op("sparx_dsl::plane_convolution", mutates_args=(), device_types="cpu")
def plane_convolution(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A depthwise convolution of x (batch, channels, height, width), padded by half its kernel; contiguous.

    weight (channels, 1, k, k), bias (channels,), all in float32.
    """
    _check(x, weight, bias)
    require_memory({"x": x, "weight": weight, "bias": bias})
    return planes.forward(x, weight, bias)


@torch.library.custom_op("sparx_dsl::plane_convolution_backward", mutates_args=(), device_types="cpu")
def plane_convolution_backward(gradient: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x (batch, channels, height, width), weight (channels, 1, k, k) and bias (channels,)."""
    _check(x, weight, None)
    check_gradient(gradient, x.shape, x)
    require_memory({"gradient": gradient, "x": x, "weight": weight})
    return planes.backward(gradient, x, weight)


def _check(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Raise ``ValueError`` for arguments that the kernels do not take."""
    check_convolution((x,), weight, bias, 1, False, "none")
    if weight.shape[2] not in planes.KERNELS:
        wanted = ", ".join(map(str, planes.KERNELS))
        raise ValueError(f"weight is for kernels of {weight.shape[2]} × {weight.shape[2]}: {wanted} are compiled")
    for name, each in (("x", x), ("weight", weight), ("bias", bias)):
        if each is not None and each.dtype != torch.float32:
            raise ValueError(f"{name} has dtype {each.dtype}: the kernels are compiled for float32")


@plane_convolution.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    _check(x, weight, bias)
    return x.new_empty(x.shape)


@plane_convolution_backward.register_fake
def _(gradient: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    _check(x, weight, None)
    check_gradient(gradient, x.shape, x)
    return x.new_empty(x.shape), weight.new_empty(weight.shape), weight.new_empty(len(weight))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.has_bias = inputs[2] is not None
    ctx.save_for_backward(*inputs[:2])


def _derivative(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    x, weight = ctx.saved_tensors
    if torch.is_grad_enabled() and x.numel():
        found = derivative(lambda *each: depthwise(each[0], each[1], None, 1, False, "none"), gradient, (x, weight))
        return found[0], found[1], gradient.sum((0, 2, 3)) if ctx.has_bias else None
    dx, d_weight, d_bias = plane_convolution_backward(gradient, x, weight)
    return dx, d_weight, d_bias if ctx.has_bias else None


plane_convolution.register_autograd(_derivative, setup_context=_keep)


@register_flop_formula(torch.ops.sparx_dsl.plane_convolution)
def _(x: Sequence[int], weight: Sequence[int], *rest: Any, **others: Any) -> int:
    return 2 * prod(x) * prod(weight[1:])


@register_flop_formula(torch.ops.sparx_dsl.plane_convolution_backward)
def _(gradient: Any, x: Sequence[int], weight: Sequence[int], **others: Any) -> int:
    return 2 * 2 * prod(x) * prod(weight[1:])
