"""Norms and depthwise convolutions of channels-last maps as operators, with derivatives and FLOPs: mainly for CUDA.

Importing this module registers ``torch.ops.sparx_dsl.group_norm``, ``layer_norm``, ``depthwise``, those with
``_backward``, and ``interleaved_depthwise``. They save their inputs for the backward pass, and GroupNorm its
statistics; they can be differentiated twice, and compile whole. Every one checks its arguments itself, in its body and
in its fake implementation.
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

from sparx_dsl.ops import map_backends, map_definitions
from sparx_dsl.ops.arguments import require_memory
from sparx_dsl.ops.map_checks import check_convolution, check_gradient, check_norm, check_statistics


@torch.library.custom_op("sparx_dsl::group_norm", mutates_args=())
def group_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """GroupNorm of one group of x (batch, channels, height, width), in x's dtype; weight and bias (channels,).

    The second result, (batch, 2) in float32, is each image's mean and the inverse of its deviation.
    """
    check_norm(x, weight, bias)
    require_memory({"x": x, "weight": weight, "bias": bias})
    return map_backends.group_norm(x, weight, bias, epsilon)


@torch.library.custom_op("sparx_dsl::group_norm_backward", mutates_args=())
def group_norm_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, statistics: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``group_norm``'s tensors, in their shapes; gradient as x (batch, channels, height, width)."""
    check_norm(x, weight, weight)
    check_gradient(gradient, x.shape, x)
    check_statistics(statistics, x)
    require_memory({"gradient": gradient, "x": x, "weight": weight, "statistics": statistics})
    return map_backends.group_norm_backward(gradient, x, weight, statistics)


@torch.library.custom_op("sparx_dsl::layer_norm", mutates_args=())
def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """LayerNorm over the channels of each place of x (batch, channels, height, width); weight, bias (channels,)."""
    check_norm(x, weight, bias)
    require_memory({"x": x, "weight": weight, "bias": bias})
    return map_backends.layer_norm(x, weight, bias, epsilon)


@torch.library.custom_op("sparx_dsl::layer_norm_backward", mutates_args=())
def layer_norm_backward(gradient: Tensor, x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``layer_norm``'s tensors, in their shapes; gradient as x (batch, channels, height, width)."""
    check_norm(x, weight, weight)
    check_gradient(gradient, x.shape, x)
    require_memory({"gradient": gradient, "x": x, "weight": weight})
    return map_backends.layer_norm_backward(gradient, x, weight, epsilon)


@torch.library.custom_op("sparx_dsl::depthwise", mutates_args=())
def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str) -> Tensor:
    """A depthwise convolution of x (batch, channels, height, width), padded by half its kernel.

    weight (channels, 1, k, k), k odd. Then, in the same pass, x itself is added with ``residual``, and ``gelu`` or
    ``silu`` taken unless that is ``none``.
    """
    check_convolution((x,), weight, bias, stride, residual, activation)
    require_memory({"x": x, "weight": weight, "bias": bias})
    return map_backends.depthwise((x,), weight, bias, stride, residual, activation)


@torch.library.custom_op("sparx_dsl::depthwise_backward", mutates_args=())
def depthwise_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``depthwise``'s tensors, in their shapes; that of a bias where there is none, too.

    gradient (batch, channels, ⌈height / stride⌉, ⌈width / stride⌉).
    """
    check_convolution((x,), weight, bias, stride, residual, activation)
    check_gradient(gradient, _strided(x, stride), x)
    require_memory({"gradient": gradient, "x": x, "weight": weight, "bias": bias})
    return map_backends.depthwise_backward(gradient, x, weight, bias, stride, residual, activation)


@torch.library.custom_op("sparx_dsl::interleaved_depthwise", mutates_args=())
def interleaved_depthwise(
    first: Tensor, second: Tensor, third: Tensor, weight: Tensor, bias: Tensor | None, activation: str
) -> Tensor:
    """``depthwise`` of three maps (batch, channels, height, width), concatenated and reordered to 0, 3, 6, …, 1, 4, ….

    weight (3·channels, 1, k, k). Neither the concatenation nor the reordering is ever in memory.
    """
    maps = (first, second, third)
    check_convolution(maps, weight, bias, 1, False, activation)
    require_memory({"first": first, "second": second, "third": third, "weight": weight, "bias": bias})
    return map_backends.depthwise(maps, weight, bias, 1, False, activation)


# Fake implementations: shapes and strides. Maps are channels-last, whatever the inputs' strides.


def _strided(x: Tensor, stride: int) -> tuple[int, ...]:
    return (*x.shape[:2], *((size + stride - 1) // stride for size in x.shape[2:]))


def _maps_like(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    batch, channels, height, width = shape
    return x.new_empty((batch, height, width, channels)).permute(0, 3, 1, 2)


def _gradients_like(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return _maps_like(x, x.shape), weight.new_empty(weight.shape), weight.new_empty(len(weight))


@group_norm.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    check_norm(x, weight, bias)
    return _maps_like(x, x.shape), x.new_empty((x.shape[0], 2), dtype=torch.float32)


@group_norm_backward.register_fake
def _(gradient: Tensor, x: Tensor, weight: Tensor, statistics: Tensor) -> tuple[Tensor, ...]:
    check_norm(x, weight, weight)
    check_gradient(gradient, x.shape, x)
    check_statistics(statistics, x)
    return _gradients_like(x, weight)


@layer_norm.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    check_norm(x, weight, bias)
    return _maps_like(x, x.shape)


@layer_norm_backward.register_fake
def _(gradient: Tensor, x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, ...]:
    check_norm(x, weight, weight)
    check_gradient(gradient, x.shape, x)
    return _gradients_like(x, weight)


@depthwise.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: bool, activation: str) -> Tensor:
    check_convolution((x,), weight, bias, stride, residual, activation)
    return _maps_like(x, _strided(x, stride))


@depthwise_backward.register_fake
def _(gradient: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, *others: Any) -> tuple[Tensor, ...]:
    check_convolution((x,), weight, bias, *others)
    check_gradient(gradient, _strided(x, others[0]), x)
    return _gradients_like(x, weight)


@interleaved_depthwise.register_fake
def _(first: Tensor, second: Tensor, third: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    check_convolution((first, second, third), weight, bias, 1, False, activation)
    batch, channels, height, width = first.shape
    return _maps_like(first, (batch, 3 * channels, height, width))


# Derivatives. With a graph of their own, for second derivatives, they are those of the definitions.


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.rest = tuple(value for value in inputs if not isinstance(value, Tensor | None))
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor | None)))


def _keep_statistics(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.rest = inputs[3:]
    ctx.save_for_backward(*inputs[:3], output[1])
    ctx.mark_non_differentiable(output[1])


def _group_norm_derivative(ctx: Any, gradient: Tensor, unused: Any) -> tuple[Any, ...]:
    x, weight, bias, statistics = ctx.saved_tensors
    if torch.is_grad_enabled():
        function = map_definitions.group_norm
        found = map_backends.derivative(lambda *each: function(*each, *ctx.rest)[0], gradient, (x, weight, bias))
        return (*found, None)
    dx, dw, db = group_norm_backward(gradient, x, weight, statistics)
    return dx, dw, db.to(bias.dtype), None


def _layer_norm_derivative(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    x, weight, bias = ctx.saved_tensors
    if torch.is_grad_enabled():
        function = map_definitions.layer_norm
        return (*map_backends.derivative(lambda *each: function(*each, *ctx.rest), gradient, (x, weight, bias)), None)
    dx, dw, db = layer_norm_backward(gradient, x, weight, *ctx.rest)
    return dx, dw, db.to(bias.dtype), None


def _depthwise_derivative(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    x, weight, bias = ctx.saved_tensors
    if torch.is_grad_enabled():
        found = _by_definition(map_definitions.depthwise, ctx, gradient)
    else:
        dx, dw, db = depthwise_backward(gradient, x, weight, bias, *ctx.rest)
        found = (dx, dw, None if bias is None else db.to(bias.dtype))
    return (*found, None, None, None)


def _interleaved_derivative(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    return (*_by_definition(map_definitions.interleaved_depthwise, ctx, gradient), None)


def _by_definition(function: Any, ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    """The derivatives of a function of what is saved, whose last tensor may be None."""
    *tensors, bias = ctx.saved_tensors
    if bias is not None:
        return tuple(map_backends.derivative(lambda *each: function(*each, *ctx.rest), gradient, (*tensors, bias)))
    return (*map_backends.derivative(lambda *each: function(*each, None, *ctx.rest), gradient, tensors), None)


group_norm.register_autograd(_group_norm_derivative, setup_context=_keep_statistics)
layer_norm.register_autograd(_layer_norm_derivative, setup_context=_keep)
depthwise.register_autograd(_depthwise_derivative, setup_context=_keep)
interleaved_depthwise.register_autograd(_interleaved_derivative, setup_context=_keep)


# FLOPs as ``torch.utils.flop_counter`` counts convolutions: two for each tap, none for biases, residuals, activations.


@register_flop_formula(torch.ops.sparx_dsl.depthwise)
def _(
    x: Sequence[int], weight: Sequence[int], bias: Any, stride: int, *rest: Any, out_shape: Sequence[int], **others: Any
) -> int:
    return 2 * prod(out_shape) * prod(weight[1:])


@register_flop_formula(torch.ops.sparx_dsl.interleaved_depthwise)
def _(first: Sequence[int], second: Any, third: Any, weight: Sequence[int], *rest: Any, **others: Any) -> int:
    return 2 * 3 * prod(first) * prod(weight[1:])


@register_flop_formula(torch.ops.sparx_dsl.depthwise_backward)
def _(
    gradient: Sequence[int], x: Any, weight: Sequence[int], bias: Any, stride: int, residual: bool, activation: str,
    **others: Any,
) -> int:  # fmt: skip
    # What the activation was applied to is computed again.
    return (2 if activation == "none" else 3) * 2 * prod(gradient) * prod(weight[1:])
