"""The checks that the operators for inference on maps make before the compiled library gets an address."""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops.arguments import DIRECTIONS, require, sizes
from sparx_dsl.ops.cpu.kernels import KINDS
from sparx_dsl.ops.cpu.maps import ACTIVATIONS, CHANNELS_TOGETHER, KERNELS, PLACES_TOGETHER

LARGEST_WINDOW = 256
"""Positions a side: scores of more would be more than gigabytes."""
MAP = ("batch", "channels", "height", "width")


def check_depthwise(x: Tensor, weight: Tensor, bias: Tensor, activation: str) -> None:
    """Raise ``ValueError`` for arguments that ``depthwise_convolution`` does not take.

    x must be (batch, channels, height, width), weight and bias as ``maps.packed`` returns them for that many channels.
    """
    channels, size = _check_map(x)[1], sizes("weight", weight, ("k", "k", "channels"))[0]
    if size not in KERNELS:
        raise ValueError(f"weight is for kernels of {size} × {size}: {', '.join(map(str, KERNELS))} are compiled")
    filled = channels + -channels % CHANNELS_TOGETHER
    _check_prepared("weight", weight, (size, size, filled), x)
    _check_prepared("bias", bias, (filled,), x)
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}: write one of {', '.join(ACTIVATIONS)}")


def check_map_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> None:
    """Raise ``ValueError`` unless x is (batch, channels, height, width), and weight and bias (channels,) in float32."""
    channels = _check_map(x)[1]
    _check_prepared("weight", weight, (channels,), x)
    _check_prepared("bias", bias, (channels,), x)


def check_ss2d(x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, rate: Tensor, skip: Tensor) -> None:
    """Raise ``ValueError`` for arguments that ``ss2d_`` does not take.

    x must be (batch, inner, height, width), projected (batch, height, width, 4·(R + 2N)) in its dtype, and the others
    as ``kernels.ss2d_parameters`` returns them.
    """
    batch, inner, height, width = _check_map(x)
    rank = sizes("weight", weight, ("4", "R", "inner"))[1]
    state = sizes("rate", rate, ("4", "N", "inner"))[1]
    require("projected", projected, (batch, height, width, DIRECTIONS * (rank + 2 * state)), x)
    if projected.dtype != x.dtype:
        raise ValueError(f"projected has dtype {projected.dtype}, but x has {x.dtype}: convert one of them")
    _check_prepared("weight", weight, (DIRECTIONS, rank, inner), x)
    _check_prepared("bias", bias, (DIRECTIONS, inner), x)
    _check_prepared("rate", rate, (DIRECTIONS, state, inner), x)
    _check_prepared("skip", skip, (DIRECTIONS * inner,), x)


def check_window_attention(x: Tensor, bias: Tensor, heads: int, window: int, shift: int) -> None:
    """Raise ``ValueError`` for arguments that ``window_attention`` does not take.

    x must be (batch, 3·heads·n, height, width), the bias as ``maps.packed_bias`` returns it for heads and windows
    of ``window`` positions a side, by fewer of which they are shifted.
    """
    channels = _check_map(x)[1]
    if heads < 1 or channels % (3 * heads):
        raise ValueError(f"{channels} channels are not query, key and value of {heads} heads: write 3·heads·n channels")
    if not 1 <= window <= LARGEST_WINDOW:
        raise ValueError(f"window is {window}: write a number from 1 to {LARGEST_WINDOW}")
    if not 0 <= shift < window:
        raise ValueError(f"shift is {shift}: write a number from 0 to {window - 1}, less than the window")
    places = window**2
    _check_prepared("bias", bias, (heads, places, places + -places % PLACES_TOGETHER), x)


def check_channel_attention(query: Tensor, key: Tensor, value: Tensor, own: Tensor | None, groups: int) -> None:
    """Raise ``ValueError`` for arguments that ``channel_attention`` does not take.

    query and key must be (batch, channels, reduced height, reduced width), value and own (batch, channels, height,
    width), of one dtype, with channels that the groups divide.
    """
    batch, channels, *reduced = _check_map(query)
    shape = sizes("value", value, MAP)
    require("key", key, tuple(query.shape), query)
    require("value", value, (batch, channels, *shape[2:]), query)
    if own is not None:
        require("own", own, tuple(shape), query)
    for name, each in (("key", key), ("value", value), ("own", own)):
        if each is not None and each.dtype != query.dtype:
            raise ValueError(f"{name} has dtype {each.dtype}, but query has {query.dtype}: convert one of them")
    if groups < 1 or channels % groups:
        raise ValueError(f"{channels} channels cannot be divided into {groups} equal groups")
    if 0 in reduced:
        raise ValueError(f"query and key have height and width {tuple(reduced)}: neither can be 0")


def check_in_place(x: Tensor) -> None:
    """Raise ``ValueError`` for a map (batch, channels, height, width) that is not channels-last.

    A result could not be written over it.
    """
    if not is_channels_last(x):
        raise ValueError("x cannot be overwritten: pass x.contiguous(memory_format=torch.channels_last)")


def is_channels_last(x: Tensor) -> bool:
    """Whether a map (batch, channels, height, width) is contiguous when read as (batch, height, width, channels)."""
    return x.permute(0, 2, 3, 1).is_contiguous()


def _check_map(x: Tensor) -> torch.Size:
    shape = sizes("x", x, MAP)
    require("x", x, shape, x)
    if x.dtype not in KINDS:
        raise ValueError(f"x has dtype {x.dtype}: the kernels are compiled for float32 and bfloat16")
    return shape


def _check_prepared(name: str, tensor: Tensor, shape: tuple[int, ...], x: Tensor) -> None:
    require(name, tensor, shape, x)
    if tensor.dtype != torch.float32 or not tensor.is_contiguous():
        raise ValueError(f"{name} is not contiguous in float32: pass {name}.float().contiguous()")
