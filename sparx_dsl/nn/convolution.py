"""Convolutions and linear layers of torch with this project's initial values; a convolution and what follows it."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from sparx_dsl.language.base import NormName
from sparx_dsl.nn.cuda_maps import (
    as_autocast,
    has_hooks,
    in_autocast,
    is_traced,
    kernels_serve,
    outside_of_transforms,
)
from sparx_dsl.nn.init import Factory, initialised
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.ops import map_operators
from sparx_dsl.ops.forward_mode import has_tangent
from sparx_dsl.ops.map_backends import has_gradient_kernel
from sparx_dsl.ops.map_definitions import ACTIVATIONS
from sparx_dsl.ops.plane_operators import plane_convolution, planes_serve


def convolution(
    channels: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    bias: bool = True,
    **factory: Unpack[Factory],
) -> nn.Conv2d:
    """Make a 2D convolution with this project's initial values."""
    geometry = {"stride": stride, "padding": padding, "groups": groups, "bias": bias}
    return initialised(nn.Conv2d, channels, out_channels, kernel, **geometry, **factory)


def sequence_convolution(channels: int, kernel: int, **factory: Unpack[Factory]) -> nn.Conv1d:
    """Make a depthwise 1D convolution without padding, with this project's initial values."""
    return initialised(nn.Conv1d, channels, channels, kernel, groups=channels, **factory)


def linear(channels: int, out_channels: int, **factory: Unpack[Factory]) -> nn.Linear:
    """Make a linear layer with this project's initial values."""
    return initialised(nn.Linear, channels, out_channels, **factory)


def convolve(conv: nn.Module, x: Tensor, *, residual: bool = False, activation: str = "none") -> Tensor:
    """The convolution of x (batch, channels, height, width), x added with ``residual``, and ``gelu`` or ``silu``.

    A depthwise one of a channels-last map on a CUDA device is one kernel with what follows, which autograd saves
    nothing of but x. Elsewhere, and where a hook watches the convolution, all are PyTorch's.
    """
    if kernels_serve(x) and isinstance(conv, nn.Conv2d) and has_kernel(conv, x):
        # A residual keeps the dtype that the sum would have.
        given = x if residual else as_autocast(x)
        return map_operators.depthwise(given, conv.weight, conv.bias, 1, residual, activation)
    # Written so that nothing holds the convolution's result while the activation runs.
    return ACTIVATIONS[activation](x + convolved(conv, x) if residual else convolved(conv, x))


def convolved(conv: nn.Module, x: Tensor) -> Tensor:
    """The convolution of x (batch, channels, height, width).

    A depthwise one of a channels-first map on the CPU that records gradients runs through kernels of ours, whose
    backward takes a fraction of PyTorch's time. It saves the same.
    """
    if isinstance(conv, nn.Conv2d) and records_plainly(x) and has_plane_kernel(conv, x):
        return plane_convolution(x, conv.weight, conv.bias)
    return conv(x)


def has_plane_kernel(conv: nn.Conv2d, x: Tensor) -> bool:
    """Whether a convolution of x (batch, channels, height, width) has kernels for channels-first maps on the CPU."""
    size = conv.kernel_size[0]
    return (
        x.dim() == 4
        and x.is_contiguous()
        and x.numel() > 0
        and planes_serve(x, size)
        and conv.weight.dtype == x.dtype
        and conv.weight.shape == (x.shape[1], 1, size, size)
        and has_kernel(conv, x)
    )


def records_plainly(x: Tensor) -> bool:
    """Whether gradients are recorded of a tensor on the CPU, of any shape, and nothing but autograd looks on."""
    return (
        x.is_cpu
        and torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and not torch.compiler.is_exporting()
        and outside_of_transforms()
        and not (has_tangent(x) or is_traced() or in_autocast(x))
        and torch._C._len_torch_dispatch_stack() == 0  # pyright: ignore[reportPrivateUsage]
    )


def has_kernel(conv: nn.Conv2d, x: Tensor) -> bool:
    """Whether a convolution of x (batch, channels, height, width) has kernels in both directions.

    It is one of torch's own class: what derives from it, or has hooks, does something else.
    """
    size = conv.kernel_size[0]
    return (
        type(conv) is nn.Conv2d
        and conv.groups == conv.in_channels == conv.out_channels == x.shape[1]
        and conv.kernel_size == (size, size)
        and conv.padding == (size // 2, size // 2)
        and conv.padding_mode == "zeros"
        and conv.stride == conv.dilation == (1, 1)
        and has_gradient_kernel(size, 1)
        and (conv.weight.dtype == x.dtype or in_autocast(x))
        and not has_hooks(conv)
    )


class ConvNorm(nn.Module):
    """A convolution and the norm that follows it at once; where that is BatchNorm, the two can be folded."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        return self.norm(convolve(self.conv, x))


def pointwise(
    channels: int, out_channels: int, *, bias: bool = True, groups: int = 1, **factory: Unpack[Factory]
) -> nn.Conv2d:
    """Make a 1×1 convolution."""
    return convolution(channels, out_channels, 1, groups=groups, bias=bias, **factory)


def depthwise(
    channels: int, kernel: int, *, bias: bool = True, stride: int = 1, **factory: Unpack[Factory]
) -> nn.Conv2d:
    """Make a depthwise convolution with padding kernel // 2."""
    return convolution(
        channels, channels, kernel, stride=stride, padding=kernel // 2, groups=channels, bias=bias, **factory
    )


def normed3x3(channels: int, out_channels: int, stride: int, norm: NormName, **factory: Unpack[Factory]) -> ConvNorm:
    """Make a 3×3 convolution of padding 1 with its norm; it has a bias unless the norm is ``batch``."""
    bias = norm != "batch"
    conv = convolution(channels, out_channels, 3, stride=stride, padding=1, bias=bias, **factory)
    return ConvNorm(conv, make_norm(norm, out_channels, **factory))
