"""Convolutions and linear layers of torch with this project's initial values; a convolution with its norm."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from sparx_dsl.language.base import EPSILON, NormName
from sparx_dsl.nn.init import Factory, initialised
from sparx_dsl.nn.norm import make_norm


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


class ConvNorm(nn.Module):
    """A convolution and the norm that follows it at once; where that is BatchNorm, the two can be folded."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        return self.norm(self.conv(x))


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


def normed3x3(
    channels: int, out_channels: int, stride: int, norm: NormName, eps: float = EPSILON, **factory: Unpack[Factory]
) -> ConvNorm:
    """Make a 3×3 convolution of padding 1 with its norm; it has a bias unless the norm is ``batch``."""
    bias = norm != "batch"
    conv = convolution(channels, out_channels, 3, stride=stride, padding=1, bias=bias, **factory)
    return ConvNorm(conv, make_norm(norm, out_channels, eps, **factory))
