"""Convolutions and linear layers of torch with this project's initial values; a convolution and what follows it."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from sparx_dsl.language.base import NormName
from sparx_dsl.nn.cpu_maps import convolved
from sparx_dsl.nn.cuda_maps import as_autocast, has_hooks, in_autocast, kernels_serve
from sparx_dsl.nn.init import Factory, initialised
from sparx_dsl.nn.norm import make_norm
from sparx_dsl.ops import map_operators
from sparx_dsl.ops.map_backends import has_gradient_kernel
from sparx_dsl.ops.map_definitions import ACTIVATIONS


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
