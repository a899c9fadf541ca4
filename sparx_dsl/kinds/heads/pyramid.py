"""What the heads for dense prediction share: maps under norms, their convolutions, and resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.language.base import NormName
from sparx_dsl.nn.convolution import ConvNorm, normed3x3, pointwise
from sparx_dsl.nn.init import Factory
from sparx_dsl.nn.norm import make_norm


class ConvNormRelu(nn.Module):
    """A convolution without bias, BatchNorm, ReLU."""

    def __init__(self, conv: ConvNorm) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width)."""
        return functional.relu(self.conv(x))


class NormedMaps(nn.Module):
    """A norm for each stage's last map."""

    def __init__(self, maps: Sequence[int], norm: NormName, eps: float, **factory: Unpack[Factory]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(make_norm(norm, channels, eps, **factory) for channels in maps)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The maps, each (batch, channels, height, width), normalised; the shapes stay."""
        return [norm(x) for norm, x in zip(self.norms, maps, strict=True)]


def normed_pointwise(channels: int, out_channels: int, **factory: Unpack[Factory]) -> ConvNormRelu:
    """Make a 1×1 convolution with BatchNorm and ReLU."""
    conv = pointwise(channels, out_channels, bias=False, **factory)
    return ConvNormRelu(ConvNorm(conv, make_norm("batch", out_channels, **factory)))


def rectified3x3(channels: int, out_channels: int, **factory: Unpack[Factory]) -> ConvNormRelu:
    """Make a 3×3 convolution with BatchNorm and ReLU."""
    return ConvNormRelu(normed3x3(channels, out_channels, 1, "batch", **factory))


def resized(x: Tensor, like: Tensor) -> Tensor:
    """(batch, channels, height, width) at the height and width of another map, bilinear, corners not aligned."""
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
