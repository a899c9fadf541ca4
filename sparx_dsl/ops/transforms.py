"""The scans under the transforms of ``torch.func``: ``grad``, ``vjp`` and ``vmap``, in any nesting.

An operator of ``torch.library`` with a derivative cannot be transformed: the function that torch makes for it lacks
``setup_context``. These functions have it; they run the operators, and are used where a transform is active.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch.autograd.Function and torch.func have no complete types.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from sparx_dsl.ops import chunked, operators, pipeline
from sparx_dsl.ops.arguments import ScanInputs, SS2DInputs
from sparx_dsl.ops.autocast import scan_in_widest, ss2d_in_widest
from sparx_dsl.ops.map_samples import map_samples


def is_transformed() -> bool:
    """Whether this runs within a transform of ``torch.func``; of that torch has no public word."""
    return torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]


def keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    """Save tensors for the backward pass, and the other arguments beside them."""
    del output
    ctx.rest = tuple(value for value in inputs if not isinstance(value, Tensor | None))
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor | None)))


def pulled_back(run: Callable[..., tuple[Any, ...]], given: tuple[Any, ...], gradients: tuple[Any, ...]) -> list[Any]:
    """The gradients of those of ``given`` that are there, from those of what ``run`` makes of all; None for others."""
    there = [value for value in given if value is not None]

    def results(*present: Tensor) -> tuple[Tensor, ...]:
        values = iter(present)
        found = run(*(None if value is None else next(values) for value in given))
        return tuple(each for each in found if each is not None)

    pull: Any = torch.func.vjp(results, *there)[1]
    found = iter(cast("tuple[Tensor, ...]", pull(tuple(each for each in gradients if each is not None))))
    return [None if value is None else next(found) for value in given]


class SelectiveScan(Function):
    """``operators.selective_scan``."""

    @staticmethod
    def forward(*arguments: Any) -> Tensor:
        """(batch, channels, length) to the same shape."""
        return operators.selective_scan(*arguments)

    setup_context = staticmethod(keep)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """The gradients of its tensors, of their shapes."""
        *tensors, D, delta_bias = ctx.saved_tensors
        found: Any = SelectiveScanBackward.apply(*gradients, *tensors, D, delta_bias, *ctx.rest)
        return (*found[:5], None if D is None else found[5], None if delta_bias is None else found[6], None, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        """Sample by sample, each of the operator's shapes."""
        return map_samples(SelectiveScan.apply, info, in_dims, *arguments)


class SelectiveScanBackward(Function):
    """``operators.selective_scan_backward``; its own derivative is that of the chunked scan, in plain PyTorch."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[Tensor, ...]:
        """The gradients of the scan's tensors, in their shapes."""
        return operators.selective_scan_backward(*arguments)

    setup_context = staticmethod(keep)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """The second derivatives, of the shapes of what they are of."""
        softplus = ctx.rest[0]
        *_, D, delta_bias = ctx.saved_tensors
        kept = (*gradients[:5], None if D is None else gradients[5], None if delta_bias is None else gradients[6])

        def run(gradient: Tensor, *tensors: Any) -> tuple[Any, ...]:
            return chunked.scan_backward(gradient, ScanInputs(*tensors, softplus=softplus))

        return (*pulled_back(run, ctx.saved_tensors, kept), None, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        """Sample by sample, each of the operator's shapes."""
        return map_samples(SelectiveScanBackward.apply, info, in_dims, *arguments)


class SS2DScan(Function):
    """``operators.ss2d_scan``."""

    @staticmethod
    def forward(*arguments: Any) -> Tensor:
        """(batch, inner, height, width) to the same shape."""
        return operators.ss2d_scan(*arguments)

    setup_context = staticmethod(keep)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """The gradients of its tensors, of their shapes."""
        found: Any = SS2DScanBackward.apply(*gradients, *ctx.saved_tensors, *ctx.rest)
        return (*found, None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        """Sample by sample, each of the operator's shapes."""
        return map_samples(SS2DScan.apply, info, in_dims, *arguments)


class SS2DScanBackward(Function):
    """``operators.ss2d_scan_backward``; its own derivative is that of the chunked scan, in plain PyTorch."""

    @staticmethod
    def forward(*arguments: Any) -> tuple[Tensor, ...]:
        """The gradients of the scan's tensors, in their shapes."""
        return operators.ss2d_scan_backward(*arguments)

    setup_context = staticmethod(keep)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """The second derivatives, of the shapes of what they are of."""

        def run(gradient: Tensor, *tensors: Tensor) -> tuple[Any, ...]:
            return pipeline.ss2d_backward(chunked.scan_backward, gradient, SS2DInputs(*tensors))

        return (*pulled_back(run, ctx.saved_tensors, gradients), None)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        """Sample by sample, each of the operator's shapes."""
        return map_samples(SS2DScanBackward.apply, info, in_dims, *arguments)


def selective_scan(u: Tensor, *others: Any) -> Tensor:
    """``operators.selective_scan`` within a transform, its rule for autocast included; shapes are the operator's."""
    if torch.is_autocast_enabled(u.device.type):
        return scan_in_widest(SelectiveScan.apply, u, *others)
    return SelectiveScan.apply(u, *others)


def ss2d_scan(x: Tensor, *others: Any) -> Tensor:
    """``operators.ss2d_scan`` within a transform, its rule for autocast included; shapes are the operator's."""
    if torch.is_autocast_enabled(x.device.type):
        return ss2d_in_widest(SS2DScan.apply, x, *others)
    return SS2DScan.apply(x, *others)
