"""The compiled library's functions for inference on whole maps, called with tensors that the operators have checked."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from sparx_dsl.ops.cpu import library
from sparx_dsl.ops.cpu.kernels import KINDS

KERNELS = (3, 5, 7)
"""The sizes of depthwise convolutions that are compiled."""
ACTIVATIONS = {"none": 0, "gelu": 1, "silu": 2}
"""The activations after a depthwise convolution, by the numbers that the library knows them by."""
CHANNELS_TOGETHER = 16
"""The weights of a depthwise convolution are padded with zeros to a multiple of this many channels."""
PLACES_TOGETHER = 16
"""The last dimension of the bias of windows is padded with zeros to a multiple of this many places."""


def problem(dtype: torch.dtype) -> str | None:
    """Why there are no compiled kernels for maps of a dtype on CPU here; None where there are."""
    return library.problem() or (None if dtype in KINDS else f"they have no {dtype}")


def packed(weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """A depthwise convolution's weight (channels, 1, k, k) and bias as the kernel reads them, in float32.

    Returns (k, k, channels) and (channels,), padded with zeros.
    """
    channels, _, rows, columns = weight.shape
    filled = channels + -channels % CHANNELS_TOGETHER
    packed_weight = torch.zeros(rows, columns, filled, dtype=torch.float32, device="cpu")
    packed_weight[:, :, :channels] = weight.detach()[:, 0].permute(1, 2, 0)
    packed_bias = torch.zeros(filled, dtype=torch.float32, device="cpu")
    if bias is not None:
        packed_bias[:channels] = bias.detach()
    return packed_weight, packed_bias


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, activation: str, *, in_place: bool = False) -> Tensor:
    """The convolution and its activation, in the same shapes as ``torch.ops.sparx_dsl.depthwise_convolution``."""
    scalars = (x.shape[2], x.shape[3], len(weight), ACTIVATIONS[activation], KINDS[x.dtype], library.threads())
    weights = library.addresses({"weight": weight, "bias": bias})
    return run("depthwise", x, scalars, weights.values(), in_place=in_place)


def group_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, *, in_place: bool = False) -> Tensor:
    """GroupNorm of one group, in the same shapes as ``torch.ops.sparx_dsl.map_norm``."""
    scalars = (x.shape[2] * x.shape[3], KINDS[x.dtype], library.threads(), epsilon)
    return run(
        "group_norm", x, scalars, library.addresses({"weight": weight, "bias": bias}).values(), in_place=in_place
    )


def packed_bias(bias: Tensor) -> Tensor:
    """The bias of windows (heads, window², window²) as the kernel reads it, in float32: the last dimension padded."""
    return functional.pad(bias.detach().float(), (0, -bias.shape[2] % PLACES_TOGETHER)).contiguous()


def window_attention(x: Tensor, bias: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """Attention within windows, in the same shapes as ``torch.ops.sparx_dsl.window_attention``."""
    positions = x.permute(0, 2, 3, 1).contiguous()
    batch, height, width, channels = positions.shape
    y = positions.new_empty((batch, height, width, channels // 3))
    if y.numel():
        scalars = (batch, channels, height, width, heads, window, shift, KINDS[x.dtype], library.threads())
        addresses = library.addresses({"x": positions, "bias": bias, "y": y})
        library.function("window_attention")(library.WindowAttentionArguments(*scalars, *addresses.values()))
    return y.permute(0, 3, 1, 2)


def channel_attention(query: Tensor, key: Tensor, value: Tensor, own: Tensor | None, groups: int) -> Tensor:
    """Attention of channels to channels, in the same shapes as ``torch.ops.sparx_dsl.channel_attention``."""
    tensors = {"query": query, "key": key, "value": value} | ({} if own is None else {"own": own})
    read = {name: each.contiguous(memory_format=torch.channels_last) for name, each in tensors.items()}
    batch, channels, height, width = value.shape
    y = value.new_empty((batch, height, width, channels if own is None else 3 * channels))
    if y.numel():
        reduced = query.shape[2] * query.shape[3]
        scalars = (batch, channels, height * width, reduced, groups, KINDS[value.dtype], library.threads())
        addresses = library.addresses(read | {"y": y})
        library.function("channel_attention")(library.ChannelAttentionArguments(*scalars, **addresses))
    return y.permute(0, 3, 1, 2)


def run(name: str, x: Tensor, scalars: Iterable[float], weights: Iterable[int], *, in_place: bool = False) -> Tensor:
    """Call a function whose arguments are batch, channels, scalars, the map, addresses of weights, and the result.

    x is (batch, channels, height, width), for ``in_place`` channels-last; the result has its shape, and is
    channels-last.
    """
    batch, channels, height, width = x.shape
    read = x if in_place else x.contiguous(memory_format=torch.channels_last)
    y = x if in_place else torch.empty((batch, height, width, channels), dtype=x.dtype, device="cpu")
    if batch * channels * height * width:
        place = library.address("x", read)
        arguments = (batch, channels, *scalars, place, *weights, place if in_place else y.data_ptr())
        library.function(name)(library.FUNCTIONS[name](*arguments))
    return x if in_place else y.permute(0, 3, 1, 2)
