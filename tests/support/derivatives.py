"""Derivatives of operators, to be compared with those of their definitions in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def gradients(function: Callable[..., Tensor], tensors: list[Tensor]) -> list[Tensor]:
    """The result of a function, and the gradients of the sum of its products with numbers that differ."""
    leaves = [each.detach().requires_grad_() for each in tensors]
    y = function(*leaves)
    against = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).reshape(y.shape)
    return [y.detach(), *torch.autograd.grad(y, leaves, against)]


def of_gradients(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of the gradients of another, whose own gradients take second derivatives."""

    def penalty(*each: Tensor) -> Tensor:
        slopes = torch.autograd.grad(function(*each).pow(3).sum(), each, create_graph=True)
        return torch.stack([slope.square().sum() for slope in slopes])

    return penalty
