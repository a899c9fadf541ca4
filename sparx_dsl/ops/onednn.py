"""oneDNN's fused products and convolutions, and the blocks in which it reads their weights.

oneDNN computes GELU and SiLU in the same pass that writes a convolution's or product's result (its "post-operations"),
which saves a read and a write of the map. PyTorch has these primitives as ``torch.ops.mkldnn``, for Inductor; they have
no derivative and do not follow autocast.
"""

# pyright: reportUnknownMemberType=false
# torch.library has no complete types.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import torch
from torch import Tensor

Activation = Literal["none", "gelu", "silu"]
Geometry = tuple[Sequence[int], Sequence[int], Sequence[int], int]
"""Padding, stride, dilation (each rows, columns), and groups."""

PRIMITIVES: Mapping[str, tuple[str, list[float], str]] = {
    "none": ("none", [], ""),
    "gelu": ("gelu", [], "none"),
    "silu": ("swish", [], ""),
}
"""What may follow a product, as oneDNN's primitives name it."""


def serves(dtype: torch.dtype) -> bool:
    """Whether oneDNN has primitives for maps and weights of a dtype on this machine."""
    return torch.backends.mkldnn.is_available() and (
        dtype == torch.float32 or (dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    )


def pack_product(weight: Tensor) -> Tensor:
    """The weight (out_channels, channels, 1, 1) of a product over channels in oneDNN's blocks."""
    rows = weight.detach().flatten(1).contiguous()
    return cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(rows, None))


def pack_convolution(weight: Tensor, geometry: Geometry, shape: torch.Size) -> Tensor:
    """The weight of a convolution in oneDNN's blocks, for maps of a shape (batch, channels, height, width).

    For maps that it misreads it stays as PyTorch has it, contiguous.
    """
    if is_misread(weight, geometry, shape):
        return weight.detach().contiguous()
    reorder = torch.ops.mkldnn._reorder_convolution_weight
    return cast(Tensor, reorder(weight.detach(), *geometry, list(shape)))


def is_misread(weight: Tensor, geometry: Geometry, shape: torch.Size) -> bool:
    """Whether oneDNN's kernel for channels-last maps (batch, channels, height, width) of a shape reads past them.

    That of torch 2.13 gives other values, and writes beyond its own memory, where windows do not overlap and one or two
    stand side by side; above all in bfloat16. Its kernel for channels-first maps computes the same convolutions right.
    """
    padding, stride, dilation, _ = geometry
    few = shape[3] + 2 * padding[1] - dilation[1] * (weight.shape[3] - 1) - 1 < 2 * stride[1]
    return few and windows_are_apart(weight, geometry)


def windows_are_apart(weight: Tensor, geometry: Geometry) -> bool:
    """Whether no two windows of a convolution, of more than one column, share a column; the weight is of its shape."""
    return 1 < weight.shape[3] <= geometry[1][1]


def multiply(x: Tensor, blocks: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    """A product over the channels of a map (batch, channels, height, width), and its activation.

    The blocks are those of ``pack_product``, the bias (out_channels,), the result (batch, out_channels, height, width).
    """
    positions = x.permute(0, 2, 3, 1)
    found: Tensor = torch.ops.mkldnn._linear_pointwise.default(positions, blocks, bias, *PRIMITIVES[activation])
    return found.permute(0, 3, 1, 2)


def convolve(x: Tensor, blocks: Tensor, bias: Tensor | None, geometry: Geometry, activation: Activation) -> Tensor:
    """A convolution of a map (batch, channels, height, width), and its activation, in the layout that oneDNN gives.

    The weight is as ``pack_convolution`` arranged or left it, the bias (out_channels,), the result (batch,
    out_channels, out height, out width).
    """
    primitive = torch.ops.mkldnn._convolution_pointwise.default
    in_blocks = blocks.is_mkldnn
    found: Tensor = primitive(x if in_blocks else x.contiguous(), blocks, bias, *geometry, *PRIMITIVES[activation])
    # Copied, since of one position or channel PyTorch takes any layout for channels-last.
    return found if in_blocks else channels_last(x, found.shape[1], (found.shape[2], found.shape[3])).copy_(found)


def channels_last(x: Tensor, channels: int, size: tuple[int, int]) -> Tensor:
    """Memory for a channels-last map of that many channels and that size, as the batch of x (batch, …)."""
    return x.new_empty((x.shape[0], *size, channels)).permute(0, 3, 1, 2)
