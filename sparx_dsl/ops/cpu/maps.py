"""The compiled library's functions for inference on whole maps: tensors in, tensors out or written over."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.cpu.kernels import KINDS

KERNELS = (3, 5, 7)
"""The sizes of depthwise convolutions that are compiled."""
ACTIVATIONS = {"none": 0, "gelu": 1, "silu": 2}
"""What may follow a depthwise convolution, by the numbers that the library knows it by."""
CHANNELS_TOGETHER = 16
"""The weights of a depthwise convolution are filled up with zeros to a multiple of this many channels."""


def problem(dtype: torch.dtype) -> str | None:
    """Why there are no compiled kernels for maps of a dtype on CPU here; None where there are."""
    return library.problem() or (None if dtype in KINDS else f"they have no {dtype}")


def packed(weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """A depthwise convolution's weight (channels, 1, k, k) and bias as the kernel reads them, in float32.

    Gives (k, k, channels) and (channels,), filled up with zeros.
    """
    channels, _, rows, columns = weight.shape
    filled = channels + -channels % CHANNELS_TOGETHER
    factors = torch.zeros(rows, columns, filled, dtype=torch.float32, device="cpu")
    factors[:, :, :channels] = weight.detach()[:, 0].permute(1, 2, 0)
    summands = torch.zeros(filled, dtype=torch.float32, device="cpu")
    if bias is not None:
        summands[:channels] = bias.detach()
    return factors, summands


def by_position(x: Tensor) -> Tensor:
    """A map (batch, channels, height, width) as (batch, height, width, channels), dense; a copy only where it must."""
    return x.permute(0, 2, 3, 1).contiguous()


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, activation: str, over: bool = False) -> Tensor:
    """The convolution and its activation, as ``torch.ops.sparx_dsl.depthwise_convolution`` has them.

    ``over`` says to write the result over x. Raises ``ValueError`` for what the kernel would read or write beyond.
    """
    size, filled = weight.shape[0], x.shape[1] + -x.shape[1] % CHANNELS_TOGETHER
    if x.dim() != 4 or weight.shape != (size, size, filled) or bias.shape != (filled,) or size not in KERNELS:
        raise ValueError(f"the map is {tuple(x.shape)}, its weights {tuple(weight.shape)} and {tuple(bias.shape)}")
    _check_weights(weight, bias)
    positions, y = _memory(x, over)
    if x.numel():
        arguments = library.DepthwiseArguments(
            *(x.shape[0], x.shape[1], x.shape[2], x.shape[3], weight.shape[0]),
            *(ACTIVATIONS[activation], KINDS[x.dtype], torch.get_num_threads()),
            *(positions.data_ptr(), weight.data_ptr(), bias.data_ptr(), y.data_ptr()),
        )
        library.function("depthwise")(arguments)
    return y.permute(0, 3, 1, 2)


def group_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, over: bool = False) -> Tensor:
    """GroupNorm of one group, as ``torch.ops.sparx_dsl.map_norm`` has it; ``over`` and errors as for ``depthwise``."""
    if x.dim() != 4 or weight.shape != x.shape[1:2] or bias.shape != x.shape[1:2]:
        raise ValueError(f"the map is {tuple(x.shape)}, its weights {tuple(weight.shape)} and {tuple(bias.shape)}")
    _check_weights(weight, bias)
    positions, y = _memory(x, over)
    if x.numel():
        arguments = library.GroupNormArguments(
            *(x.shape[0], x.shape[1], x.shape[2] * x.shape[3], KINDS[x.dtype], torch.get_num_threads(), epsilon),
            *(positions.data_ptr(), weight.data_ptr(), bias.data_ptr(), y.data_ptr()),
        )
        library.function("group_norm")(arguments)
    return y.permute(0, 3, 1, 2)


def _check_weights(*weights: Tensor) -> None:
    if any(weight.dtype != torch.float32 or not weight.is_contiguous() for weight in weights):
        raise ValueError("the kernel reads dense weights of float32")


def _memory(x: Tensor, over: bool) -> tuple[Tensor, Tensor]:
    """The map by positions, and memory for the result, which is the map's own where that is to be written over."""
    positions = by_position(x)
    if not over:
        return positions, torch.empty_like(positions)
    if positions.data_ptr() != x.data_ptr():
        raise ValueError("only a map that is dense with its channels innermost can be written over")
    return positions, positions
