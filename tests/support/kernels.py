"""What kernels over maps are given, and how their results are held against those in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.onednn import Activation

ORACLES: dict[Activation, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
"""PyTorch's activations, by the names that kernels take."""


def random_map(batch: int, channels: int, height: int, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A random map (batch, channels, height, width) with its channels innermost."""
    return torch.randn(batch, height, width, channels).to(dtype).permute(0, 3, 1, 2)


def worst(found: Tensor, expected: Tensor, least: float = 1e-3) -> float:
    """The largest error of a tensor of any shape, relative to the largest value, or to ``least``.

    A map of few values after GELU may be as small as it likes.
    """
    assert found.shape == expected.shape
    return float((found.double() - expected).abs().max() / expected.abs().max().clamp_min(least))
