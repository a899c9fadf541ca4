"""Operators for inference on CPU, which take no derivative: depthwise convolution, norm, and SS2D.

An operator whose name ends in ``_`` writes its result over its first argument, a map (batch, channels, height, width)
that is dense with its channels innermost: fresh memory costs more time than these operators. Importing this module
registers ``depthwise_convolution``, ``map_norm``, each also with ``_``, and ``ss2d_`` under ``torch.ops.sparx_dsl``.
"""

# pyright: reportUnknownMemberType=false
# torch.library has no complete types.

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from sparx_dsl.ops.cpu import kernels, maps

LIBRARY = torch.library.Library("sparx_dsl", "FRAGMENT")
"""Holds these operators for as long as this module lives."""

LIBRARY.define("depthwise_convolution(Tensor x, Tensor weight, Tensor bias, str activation) -> Tensor")
LIBRARY.define("depthwise_convolution_(Tensor(a!) x, Tensor weight, Tensor bias, str activation) -> ()")
LIBRARY.define("map_norm(Tensor x, Tensor weight, Tensor bias, float epsilon) -> Tensor")
LIBRARY.define("map_norm_(Tensor(a!) x, Tensor weight, Tensor bias, float epsilon) -> ()")
LIBRARY.define("ss2d_(Tensor(a!) x, Tensor projected, Tensor weight, Tensor bias, Tensor rate, Tensor skip) -> ()")


def depthwise_convolution(x: Tensor, weight: Tensor, bias: Tensor, activation: str, *, spent: bool = False) -> Tensor:
    """A depthwise convolution of stride 1 that keeps the map's size, and ``none``, ``gelu`` or ``silu`` of it.

    (batch, channels, height, width) to the same shape, channels innermost; weight and bias as ``maps.packed`` gives
    them. The result is written over x where that is ``spent``, and where it can be.
    """
    if spent and can_be_written_over(x):
        torch.ops.sparx_dsl.depthwise_convolution_(x, weight, bias, activation)
        tell_autograd(x)
        return x
    return cast(Tensor, torch.ops.sparx_dsl.depthwise_convolution(x, weight, bias, activation))


def map_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, *, spent: bool = False) -> Tensor:
    """GroupNorm of one group: over all of a map but the batch, with a factor and a summand for each channel.

    (batch, channels, height, width) to the same shape, channels innermost; weight and bias (channels,) in float32.
    ``spent`` as for ``depthwise_convolution``.
    """
    if spent and is_dense(x):
        torch.ops.sparx_dsl.map_norm_(x, weight, bias, epsilon)
        tell_autograd(x)
        return x
    return cast(Tensor, torch.ops.sparx_dsl.map_norm(x, weight, bias, epsilon))


def ss2d_over(x: Tensor, projected: Tensor, *parameters: Tensor) -> None:
    """Write SS2D of a map over it; ``projected`` as for ``ss2d_scan``, parameters as ``ss2d_parameters`` gives them."""
    torch.ops.sparx_dsl.ss2d_(x, projected, *parameters)
    tell_autograd(x)


def tell_autograd(x: Tensor) -> None:
    """Count a map as written to, so that autograd refuses what was to be derived from its former values."""
    if not x.is_inference():
        torch.autograd.graph.increment_version(x)


def can_be_written_over(x: Tensor) -> bool:
    """Whether a map is dense with its channels innermost, and has channels enough for all threads to share."""
    blocks = x.shape[0] * (x.shape[1] // maps.CHANNELS_TOGETHER)
    return blocks >= torch.get_num_threads() and is_dense(x)


def is_dense(x: Tensor) -> bool:
    """Whether a map (batch, channels, height, width) is dense in memory with its channels innermost."""
    return x.permute(0, 2, 3, 1).is_contiguous()


def _depthwise(x: Tensor, weight: Tensor, bias: Tensor, activation: str) -> Tensor:
    return maps.depthwise(x, weight, bias, activation)


def _depthwise_over(x: Tensor, weight: Tensor, bias: Tensor, activation: str) -> None:
    maps.depthwise(x, weight, bias, activation, over=True)


def _map_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    return maps.group_norm(x, weight, bias, epsilon)


def _map_norm_over(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> None:
    maps.group_norm(x, weight, bias, epsilon, over=True)


def _ss2d_over(x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, rate: Tensor, skip: Tensor) -> None:
    kernels.ss2d_over(x, projected, {"weight": weight, "bias": bias, "rate": rate, "skip": skip})


def _map_like(x: Tensor, *others: object) -> Tensor:
    batch, channels, height, width = x.shape
    return x.new_empty((batch, height, width, channels)).permute(0, 3, 1, 2)


def _nothing(x: Tensor, *others: object) -> None:
    return None


LIBRARY.impl("depthwise_convolution", _depthwise, "CPU")
LIBRARY.impl("depthwise_convolution_", _depthwise_over, "CPU")
LIBRARY.impl("ss2d_", _ss2d_over, "CPU")
LIBRARY.impl("map_norm", _map_norm, "CPU")
LIBRARY.impl("map_norm_", _map_norm_over, "CPU")
for _name in ("depthwise_convolution", "map_norm"):
    torch.library.register_fake(f"sparx_dsl::{_name}", _map_like, lib=LIBRARY)
for _name in ("depthwise_convolution_", "map_norm_", "ss2d_"):
    torch.library.register_fake(f"sparx_dsl::{_name}", _nothing, lib=LIBRARY)
