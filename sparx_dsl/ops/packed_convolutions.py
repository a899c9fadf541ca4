"""Convolutions for inference on CPU with their weights arranged as the fastest kernel of this machine reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from sparx_dsl.ops import onednn
from sparx_dsl.ops.arguments import has_memory
from sparx_dsl.ops.cpu import convolutions
from sparx_dsl.ops.onednn import Activation, Geometry

PRODUCT: Geometry = ((0, 0), (1, 1), (1, 1), 1)
"""The geometry of a product over channels, which a convolution of 1 × 1 is."""


class PackedConvolution(ABC):
    """A convolution, its weight arranged; it has no derivative, and checks no arguments."""

    serves_any_shape = True
    """Whether the arrangement suits maps of all shapes."""

    def serves(self, x: Tensor, bias: Tensor | None) -> bool:
        """Whether ``compute`` may be called with x and a bias, of any shape; else the operator says what is wrong."""
        return True

    @abstractmethod
    def compute(self, x: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
        """The convolution of a map (batch, channels, height, width) and what follows it.

        The bias is (out_channels,), the result (batch, out_channels, out height, out width).
        """


class OneDNNProduct(PackedConvolution):
    """A product over channels through oneDNN."""

    def __init__(self, weight: Tensor) -> None:
        """Arrange a weight (out_channels, channels, 1, 1)."""
        self._blocks = onednn.pack_product(weight)

    def compute(self, x: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width)."""
        return onednn.multiply(x, self._blocks, bias, activation)


class OneDNNConvolution(PackedConvolution):
    """A convolution of any geometry through oneDNN."""

    serves_any_shape = False

    def __init__(self, weight: Tensor, geometry: Geometry, shape: torch.Size) -> None:
        """Arrange a weight (out_channels, channels / groups, rows, columns) for maps of a shape."""
        self._blocks, self._geometry = onednn.pack_convolution(weight, geometry, shape), geometry

    def compute(self, x: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, out height, out width)."""
        return onednn.convolve(x, self._blocks, bias, self._geometry, activation)


class WidenedConvolution(OneDNNConvolution):
    """A convolution of any geometry in bfloat16 through oneDNN in float32, where that has no bfloat16."""

    def __init__(self, weight: Tensor, geometry: Geometry, shape: torch.Size) -> None:
        """Arrange a weight (out_channels, channels / groups, rows, columns) for maps of a shape, in float32."""
        super().__init__(weight.float(), geometry, shape)

    def compute(self, x: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, out height, out width)."""
        return super().compute(x.float(), None if bias is None else bias.float(), activation).to(x.dtype)


class CompiledConvolution(PackedConvolution):
    """A convolution without groups through the compiled library."""

    def __init__(self, weight: Tensor, geometry: Geometry) -> None:
        """Arrange a weight (out_channels, channels, rows, columns)."""
        self._weight, self._geometry = convolutions.packed(weight), geometry
        self._shape, self._dtype = weight.shape, weight.dtype

    def serves(self, x: Tensor, bias: Tensor | None) -> bool:
        """Whether x is a map (batch, channels, height, width), both have their memory, and no profiler looks on."""
        (pad_y, pad_x), (out_channels, channels, rows, columns) = self._geometry[0], self._shape
        return (
            type(x) is Tensor
            and x.dim() == 4
            and x.dtype == self._dtype
            and x.shape[1] == channels
            and x.shape[2] + 2 * pad_y >= rows
            and x.shape[3] + 2 * pad_x >= columns
            and (convolutions.in_rows(x) or x.is_contiguous(memory_format=torch.channels_last) or x.is_contiguous())
            and has_memory(x)
            and (bias is None or (bias.dtype == x.dtype and bias.shape == (out_channels,) and has_memory(bias)))
            and not torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
        )

    def compute(self, x: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, out height, out width), channels-last."""
        padding, stride, _, _ = self._geometry
        return convolutions.convolution(x, self._weight, bias, self._shape[0], padding, stride, activation)


def is_packable(weight: Tensor, geometry: Geometry) -> bool:
    """Whether there is a kernel for a weight of that device and dtype, of any shape, on this machine."""
    wide = torch.float32 if weight.dtype == torch.bfloat16 else weight.dtype
    return weight.device.type == "cpu" and (onednn.serves(wide) or is_compiled(weight, geometry))


def is_compiled(weight: Tensor, geometry: Geometry) -> bool:
    """Whether that is the compiled library's, for a weight of any shape."""
    _, _, dilation, groups = geometry
    return groups == 1 and tuple(dilation) == (1, 1) and weight.numel() > 0 and convolutions.is_fastest(weight.dtype)


def pack(weight: Tensor, geometry: Geometry, shape: torch.Size) -> PackedConvolution:
    """Arrange a weight (out_channels, channels / groups, rows, columns) for maps of a shape, where it is packable."""
    if is_compiled(weight, geometry):
        return CompiledConvolution(weight, geometry)
    if not onednn.serves(weight.dtype):
        return WidenedConvolution(weight, geometry, shape)
    if tuple(weight.shape[2:]) == (1, 1) and tuple(map(tuple, geometry[:3])) == PRODUCT[:3] and geometry[3] == 1:
        return OneDNNProduct(weight)
    return OneDNNConvolution(weight, geometry, shape)
