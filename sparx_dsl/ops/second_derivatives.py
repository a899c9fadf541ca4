"""Second derivatives of the scans: those of the chunked scan, which is plain PyTorch, for every backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from sparx_dsl.ops import chunked, pipeline
from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs


def _second_derivative(outputs: Sequence[Tensor], inputs: Sequence[Tensor], gradients: Sequence[Any]) -> list[Any]:
    """Derivatives of first derivatives; None for an input that no output depends on."""
    pairs = [(output, g) for output, g in zip(outputs, gradients, strict=True) if g is not None and output.numel()]
    wanted = [tensor for tensor in inputs if tensor.requires_grad]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in pairs],
            wanted,
            [g for _, g in pairs],
            create_graph=torch.is_grad_enabled(),
            allow_unused=True,
        )
    )
    return [next(found) if tensor.requires_grad else None for tensor in inputs]


def scan_second_derivative(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
    """The derivatives of ``selective_scan_backward``'s arguments, in their shapes, from what it has saved."""
    create = torch.is_grad_enabled()
    with torch.enable_grad():
        given = [None if tensor is None else _leaf(tensor, create) for tensor in ctx.saved_tensors]
        gradient, *tensors = cast("list[Any]", given)
        found = chunked.scan_backward(gradient, ScanInputs(*tensors, softplus=ctx.rest[0]))
    kept = [tensor for tensor in given if tensor is not None]
    there = [(d, g) for d, g in zip(found, gradients, strict=True) if d is not None]
    with torch.set_grad_enabled(create):
        second = iter(_second_derivative([d for d, _ in there], kept, [g for _, g in there]))
    return (*(None if tensor is None else next(second) for tensor in given), None, None)


def ss2d_second_derivative(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
    """The derivatives of ``ss2d_scan_backward``'s arguments, in their shapes, from what it has saved."""
    create = torch.is_grad_enabled()
    with torch.enable_grad():
        given = [_leaf(tensor, create) for tensor in cast("tuple[Tensor, ...]", ctx.saved_tensors)]
        gradient, *tensors = given
        found = pipeline.ss2d_backward(chunked.scan_backward, gradient, SS2DInputs(*tensors))
    with torch.set_grad_enabled(create):
        return (*_second_derivative(found, given, gradients), None)


def _leaf(tensor: Tensor, create: bool) -> Tensor:
    """The tensor itself where a third derivative may be asked for, else a leaf of its values."""
    return tensor if create and tensor.requires_grad else tensor.detach().requires_grad_()
