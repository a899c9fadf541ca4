"""``torch.ops.sparx_dsl.selective_scan`` and ``ss2d_scan``: the operators, their shapes, derivatives and FLOPs.

Importing this module registers them. They save their inputs and nothing else for the backward pass. Every one checks
its arguments itself, in its body and in its fake implementation: backends trust what they get. Whether their memory is
there is checked in the body alone.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# torch.library has no complete types.

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from sparx_dsl.ops.arguments import DIRECTIONS, ScanInputs, SS2DInputs, given, require, require_memory
from sparx_dsl.ops.autocast import scan_in_widest, ss2d_in_widest
from sparx_dsl.ops.backends import Backend, choose, named
from sparx_dsl.ops.map_samples import map_samples
from sparx_dsl.ops.second_derivatives import scan_second_derivative, ss2d_second_derivative


def _backend(inputs: ScanInputs | SS2DInputs, backend: str, **gradients: Tensor) -> Backend:
    """The backend for the inputs, once they and the gradients of the result are checked, and their memory is there."""
    first = given(inputs._fields[0], inputs[0])
    chosen = choose(first.device.type, first.dtype, backend)
    inputs.check()
    for name, gradient in gradients.items():
        require(name, gradient, first.shape, first)
    require_memory({**gradients, **inputs.tensors()})
    return chosen


@torch.library.custom_op("sparx_dsl::selective_scan", mutates_args=())
def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
    backend: str,
) -> Tensor:
    """The scan of ``sparx_dsl.ops.selective_scan.selective_scan``, in its shapes; an empty ``backend`` is chosen."""
    inputs = ScanInputs(u, delta, A, B, C, D, delta_bias, softplus)
    return _backend(inputs, backend).kernels().scan(inputs)


@torch.library.custom_op("sparx_dsl::selective_scan_backward", mutates_args=())
def selective_scan_backward(
    gradient: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradients of the scan's tensors, in their shapes and dtypes; an empty tensor for one that is not there.

    ``gradient`` is that of the result, (batch, channels, length).
    """
    inputs = ScanInputs(u, delta, A, B, C, D, delta_bias, softplus)
    *five, dD, d_bias = _backend(inputs, backend, gradient=gradient).kernels().scan_backward(gradient, inputs)
    du, d_delta, dA, dB, dC = five
    none = A.new_empty(0)
    return du, d_delta, dA, dB, dC, none if dD is None else dD, none.clone() if d_bias is None else d_bias


@torch.library.custom_op("sparx_dsl::ss2d_scan", mutates_args=())
def ss2d_scan(
    x: Tensor, projected: Tensor, dt_weight: Tensor, dt_bias: Tensor, A: Tensor, D: Tensor, backend: str
) -> Tensor:
    """The scan of ``sparx_dsl.ops.selective_scan.ss2d_scan``, in its shapes; an empty ``backend`` is chosen."""
    inputs = SS2DInputs(x, projected, dt_weight, dt_bias, A, D)
    return _backend(inputs, backend).kernels().ss2d(inputs)


@torch.library.custom_op("sparx_dsl::ss2d_scan_backward", mutates_args=())
def ss2d_scan_backward(
    gradient: Tensor,
    x: Tensor,
    projected: Tensor,
    dt_weight: Tensor,
    dt_bias: Tensor,
    A: Tensor,
    D: Tensor,
    backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradients of ``ss2d_scan``'s six tensors, in their shapes and dtypes.

    ``gradient`` is that of the result, (batch, inner, height, width).
    """
    inputs = SS2DInputs(x, projected, dt_weight, dt_bias, A, D)
    return _backend(inputs, backend, gradient=gradient).kernels().ss2d_backward(gradient, inputs)


# Fake implementations: shapes and strides. Results are channels-last, whatever the inputs' strides.


def _check_name(backend: str) -> None:
    if backend:
        named(backend)


def _line_like(u: Tensor, dtype: torch.dtype) -> Tensor:
    batch, channels, length = u.shape
    return u.new_empty((batch, length, channels), dtype=dtype).transpose(1, 2)


def _map_like(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    return x.new_empty((batch, height, width, channels)).permute(0, 3, 1, 2)


def _contiguous_like(tensor: Tensor) -> Tensor:
    return tensor.new_empty(tensor.shape)


@selective_scan.register_fake
def _(*arguments: Any) -> Tensor:
    *scan, backend = arguments
    inputs = ScanInputs(*scan)
    _check_name(backend)
    inputs.check()
    return _line_like(inputs.u, inputs.u.dtype)


@selective_scan_backward.register_fake
def _(gradient: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    *scan, backend = arguments
    inputs = ScanInputs(*scan)
    _check_name(backend)
    inputs.check()
    u, delta, A, B, C, D, delta_bias, _ = inputs
    require("gradient", gradient, u.shape, u)
    optional = [A.new_empty(0) if tensor is None else _contiguous_like(tensor) for tensor in (D, delta_bias)]
    lines = (_line_like(u, u.dtype), _line_like(u, delta.dtype))
    return (*lines, _contiguous_like(A), _contiguous_like(B), _contiguous_like(C), *optional)


@ss2d_scan.register_fake
def _(*arguments: Any) -> Tensor:
    *scan, backend = arguments
    inputs = SS2DInputs(*scan)
    _check_name(backend)
    inputs.check()
    return _map_like(inputs.x)


@ss2d_scan_backward.register_fake
def _(gradient: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    *scan, backend = arguments
    inputs = SS2DInputs(*scan)
    _check_name(backend)
    inputs.check()
    require("gradient", gradient, inputs.x.shape, inputs.x)
    return (_map_like(inputs.x), *(_contiguous_like(tensor) for tensor in inputs[1:]))


# Derivatives.


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.rest = tuple(value for value in inputs if not isinstance(value, Tensor | None))
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor | None)))


def _scan_derivative(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    *tensors, D, delta_bias = ctx.saved_tensors
    found = selective_scan_backward(gradient, *tensors, D, delta_bias, *ctx.rest)
    last = (found[5] if D is not None else None, found[6] if delta_bias is not None else None)
    return (*found[:5], *last, None, None)


def _ss2d_derivative(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    return (*ss2d_scan_backward(gradient, *ctx.saved_tensors, *ctx.rest), None)


selective_scan.register_autograd(_scan_derivative, setup_context=_keep)
selective_scan_backward.register_autograd(scan_second_derivative, setup_context=_keep)
ss2d_scan.register_autograd(_ss2d_derivative, setup_context=_keep)
ss2d_scan_backward.register_autograd(ss2d_second_derivative, setup_context=_keep)


for _operator in (selective_scan, selective_scan_backward, ss2d_scan, ss2d_scan_backward):
    _operator.register_vmap(partial(map_samples, _operator))


LIBRARY = torch.library.Library("sparx_dsl", "FRAGMENT")
"""Holds the autocast rules for as long as this module lives."""

for _key in ("AutocastCPU", "AutocastCUDA"):
    LIBRARY.impl("selective_scan", partial(scan_in_widest, selective_scan), _key)
    LIBRARY.impl("ss2d_scan", partial(ss2d_in_widest, ss2d_scan), _key)


# FLOPs, as ``sparx_dsl.pricing.price.selective_scan`` counts them; twice that for the backward pass.


@register_flop_formula(torch.ops.sparx_dsl.selective_scan)
def _(u: Sequence[int], delta: Sequence[int], A: Sequence[int], *others: Any, **rest: Any) -> int:
    batch, channels, length = u
    return (9 * A[1] + 1) * batch * channels * length


@register_flop_formula(torch.ops.sparx_dsl.ss2d_scan)
def _(
    x: Sequence[int], projected: Sequence[int], dt_weight: Sequence[int], dt_bias: Sequence[int], A: Sequence[int],
    *others: Any, **rest: Any,
) -> int:  # fmt: skip
    batch, channels, height, width = x
    positions = batch * height * width * DIRECTIONS * channels
    return (9 * A[1] + 1 + 2 * dt_weight[2]) * positions
