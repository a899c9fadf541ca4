"""Kinds' modules with drawn weights, and parts of naive oracles that read weights by name."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.kind import load
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import Role
from sparx_dsl.registry import default_registry


def builder(role: Role, options: KindOptions) -> Any:
    """The builder of a kind; what it builds is read by the names of its parts."""
    return load(default_registry().of(role, options).module)


def settle(module: nn.Module, seed: int = 0) -> Any:
    """The module in float64 and evaluation mode, with every parameter and running statistic drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    with torch.no_grad():
        for name, value in module.state_dict(keep_vars=True).items():
            if value.is_floating_point():
                value.copy_(0.5 * torch.randn(value.shape, dtype=torch.float64, generator=generator))
            if name.endswith("running_var"):
                value.exp_()
    return module


def random_map(channels: int, height: int, width: int, batch: int = 2, seed: int = 1) -> Tensor:
    """A float64 map of normal numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, height, width, dtype=torch.float64, generator=generator)


def conv(state: dict[str, Tensor], name: str, x: Tensor, **options: int) -> Tensor:
    """A convolution with the weights of that name."""
    return functional.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **options)


def batch_norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """BatchNorm in evaluation with the statistics of that name."""
    mean, variance, weight, bias = (
        state[f"{name}.{leaf}"][:, None, None] for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (variance + 1e-5).sqrt() * weight + bias


@torch.no_grad()
def draw_values(model: nn.Module, seed: int) -> None:
    """Set every parameter, and every running statistic, to what no constructor sets, so that exchanged ones are seen.

    They are normal with a standard deviation of 0.1, weights of channels around 1, and variances at least a half.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: each for name, each in model.state_dict().items() if each.is_floating_point()}
    drawn, end = torch.randn(sum(each.numel() for each in tensors.values()), generator=generator).mul_(0.1), 0
    for name, each in tensors.items():
        values = drawn[end : end + each.numel()]
        end += each.numel()
        if name.endswith("running_var"):
            values.abs_().add_(0.5)
        elif each.ndim == 1 and name.endswith("weight"):
            values.add_(1)
        each.copy_(values.view(each.shape))


@contextmanager
def no_initial_values() -> Generator[None]:
    """Within it modules are made without torch's initial values, which take a third of the time of small ones."""
    with ExitStack() as patches:
        for name in ("kaiming_uniform_", "uniform_", "trunc_normal_", "normal_"):
            patches.enter_context(patch.object(nn.init, name, _unchanged))
        yield


def _unchanged(tensor: Tensor, *_: object, **__: object) -> Tensor:
    return tensor
