"""The compiled library's functions for inference on whole maps: tensors in, tensors out or written over."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.cpu.kernels import KINDS, dense_positions

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


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, activation: str, over: bool = False) -> Tensor:
    """The convolution and its activation, as ``torch.ops.sparx_dsl.depthwise_convolution`` has them.

    ``over`` says to write the result over x. Raises ``ValueError`` for what the kernel would read or write beyond.
    """
    size, filled = weight.shape[0], x.shape[1] + -x.shape[1] % CHANNELS_TOGETHER
    if x.dim() != 4 or weight.shape != (size, size, filled) or bias.shape != (filled,) or size not in KERNELS:
        raise ValueError(f"the map is {tuple(x.shape)}, its weights {tuple(weight.shape)} and {tuple(bias.shape)}")
    scalars = (x.shape[2], x.shape[3], size, ACTIVATIONS[activation], KINDS[x.dtype], torch.get_num_threads())
    return _run("depthwise", x, scalars, weight, bias, over)


def group_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, over: bool = False) -> Tensor:
    """GroupNorm of one group, as ``torch.ops.sparx_dsl.map_norm`` has it; ``over`` and errors as for ``depthwise``."""
    if x.dim() != 4 or weight.shape != x.shape[1:2] or bias.shape != x.shape[1:2]:
        raise ValueError(f"the map is {tuple(x.shape)}, its weights {tuple(weight.shape)} and {tuple(bias.shape)}")
    scalars = (x.shape[2] * x.shape[3], KINDS[x.dtype], torch.get_num_threads(), epsilon)
    return _run("group_norm", x, scalars, weight, bias, over)


def _run(name: str, x: Tensor, scalars: tuple[float, ...], weight: Tensor, bias: Tensor, over: bool) -> Tensor:
    """Call a function whose arguments begin with batch and channels, and end with map, weight, bias and result."""
    if any(each.dtype != torch.float32 or not each.is_contiguous() for each in (weight, bias)):
        raise ValueError("the kernel reads dense weights of float32")
    positions = dense_positions(x) if over else x.permute(0, 2, 3, 1).contiguous()
    y = positions if over else torch.empty_like(positions)
    if x.numel():
        addresses = (each.data_ptr() for each in (positions, weight, bias, y))
        library.function(name)(library.FUNCTIONS[name](x.shape[0], x.shape[1], *scalars, *addresses))
    return y.permute(0, 3, 1, 2)
