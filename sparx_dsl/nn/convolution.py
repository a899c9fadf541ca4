"""Convolutions and linear layers with this project's initial values; a convolution with its norm."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor, nn

from sparx_dsl.language.base import NormName
from sparx_dsl.nn.init import Factory, reset_weight
from sparx_dsl.nn.norm import make_norm


class Convolution(nn.Conv2d):
    """A 2D convolution whose weight begins as a truncated normal and whose bias begins at zero."""

    def reset_parameters(self) -> None:
        """Set the initial values in place."""
        reset_weight(self.weight, self.bias)


class SequenceConvolution(nn.Conv1d):
    """A 1D convolution whose weight begins as a truncated normal and whose bias begins at zero."""

    def reset_parameters(self) -> None:
        """Set the initial values in place."""
        reset_weight(self.weight, self.bias)


class Linear(nn.Linear):
    """A linear layer whose weight begins as a truncated normal and whose bias begins at zero."""

    def reset_parameters(self) -> None:
        """Set the initial values in place."""
        reset_weight(self.weight, self.bias)


class ConvNorm(nn.Module):
    """A convolution and the norm that follows it at once; where that is BatchNorm, the two can be folded."""

    def __init__(self, conv: Convolution, norm: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        return self.norm(self.conv(x))


def pointwise(
    channels: int, out_channels: int, *, bias: bool = True, groups: int = 1, **factory: Unpack[Factory]
) -> Convolution:
    """Make a 1×1 convolution."""
    return Convolution(channels, out_channels, 1, groups=groups, bias=bias, **factory)


def depthwise(
    channels: int, kernel: int, *, bias: bool = True, stride: int = 1, **factory: Unpack[Factory]
) -> Convolution:
    """Make a depthwise convolution with padding kernel // 2."""
    return Convolution(
        channels, channels, kernel, stride=stride, padding=kernel // 2, groups=channels, bias=bias, **factory
    )


def normed3x3(channels: int, out_channels: int, stride: int, norm: NormName, **factory: Unpack[Factory]) -> ConvNorm:
    """Make a 3×3 convolution of padding 1 with its norm; it has a bias unless the norm is ``batch``."""
    bias = norm != "batch"
    conv = Convolution(channels, out_channels, 3, stride=stride, padding=1, bias=bias, **factory)
    return ConvNorm(conv, make_norm(norm, out_channels, **factory))
