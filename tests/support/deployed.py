"""Backbones with the weights of no initial value, and how far their results differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparx_dsl.lowering import Backbone

SINGLE, DOUBLE = 1e-5, 1e-12
"""How far results in float32 and float64 may differ, relative to the largest value."""


def trained(model: Backbone, seed: int = 0) -> Backbone:
    """The model in evaluation, with every parameter moved and running statistics as no initial value is."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator).to(parameter))
        for name, buffer in model.named_buffers():
            drawn = torch.rand(buffer.shape, generator=generator).to(buffer)
            if name.endswith("running_mean"):
                buffer.copy_(drawn - 0.5)
            elif name.endswith("running_var"):
                buffer.copy_(drawn + 0.5)
    return model.eval()


def images_of(model: Backbone, batch: int, size: tuple[int, int] | None = None) -> Tensor:
    """Random images in the dtype of the model."""
    spec = model.spec
    torch.manual_seed(1)
    dtype = next(model.parameters()).dtype
    return torch.randn(batch, spec.input.channels, *(size or spec.input.size), dtype=dtype)


def results(model: Callable[[Tensor], Any], images: Tensor) -> list[Tensor]:
    """The results as a list, without gradients."""
    with torch.no_grad():
        result = model(images)
    return [result] if isinstance(result, Tensor) else list(result)


def worst_error(found: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference of any result over its largest value."""
    assert [each.shape for each in found] == [each.shape for each in expected]
    return max(
        float((a - b).abs().max() / b.abs().max().clamp(min=1e-30)) for a, b in zip(found, expected, strict=True)
    )
