"""The compiled library's convolution without groups, called with tensors that have been checked."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.cpu.kernels import KINDS
from sparx_dsl.ops.cpu.maps import ACTIVATIONS

TOGETHER = 16
"""So many channels of a convolution's result are worked on at a time; its weight is padded with zeros to that."""
AVX2 = library.INSTRUCTION_SETS.index("AVX2")


def is_fastest(dtype: torch.dtype) -> bool:
    """Whether this kernel is faster than oneDNN's for a dtype on this machine: where AVX2 is its best instructions.

    oneDNN has no bfloat16 there. With AVX-512 its kernels are at the processor's peak.
    """
    return library.problem() is None and dtype in KINDS and library.instruction_set() == AVX2


def packed(weight: Tensor) -> Tensor:
    """A weight (out_channels, channels, rows, columns) as the kernel reads it, in float32.

    Returns (out_channels / 16, rows, columns, channels, 16), padded with zeros.
    """
    filled = functional.pad(weight.detach().float(), (0, 0, 0, 0, 0, 0, 0, -len(weight) % TOGETHER))
    panels = filled.reshape(-1, TOGETHER, *weight.shape[1:])
    return panels.permute(0, 3, 4, 2, 1).contiguous()


def in_rows(x: Tensor) -> bool:
    """Whether the channels of a map's positions lie together, and positions the same distance apart.

    A map (batch, channels, height, width) that is channels-last is so, and some of the channels of one.
    """
    _, channels, height, width = x.shape
    sample, channel, row, column = x.stride()
    return channel == 1 and column >= channels and row == width * column and (sample == height * row or len(x) == 1)


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    out_channels: int,
    padding: Sequence[int],
    stride: Sequence[int],
    activation: str,
) -> Tensor:
    """The convolution of a map (batch, channels, height, width), with a weight as ``packed`` returns it.

    The bias is (out_channels,) in x's dtype, padding and stride are those of rows and of columns. The result is (batch,
    out_channels, out height, out width), channels-last.
    """
    batch, channels, height, width = x.shape
    _, rows, columns, _, _ = weight.shape
    (padding_y, padding_x), (stride_y, stride_x) = padding, stride
    out_height = (height + 2 * padding_y - rows) // stride_y + 1
    out_width = (width + 2 * padding_x - columns) // stride_x + 1
    y = torch.empty((batch, out_height, out_width, out_channels), dtype=x.dtype, device="cpu")
    if y.numel():
        read, apart = (x, x.stride(3)) if in_rows(x) else (x.contiguous(memory_format=torch.channels_last), channels)
        own = None if bias is None else bias.contiguous()
        place = 0 if own is None else library.address("bias", own)
        arguments = library.ConvolutionArguments(
            batch, channels, height, width, apart, out_channels, out_height, out_width, rows, columns,
            stride_y, stride_x, padding_y, padding_x, ACTIVATIONS[activation], KINDS[x.dtype], library.threads(),
            library.address("x", read), weight.data_ptr(), place, y.data_ptr(),
        )  # fmt: skip
        library.function("convolution")(arguments)
    return y.permute(0, 3, 1, 2)
