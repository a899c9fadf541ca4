"""Kernels for inference on CPU with their weights packed, for modules: what is known of the weights is not asked again.

The operators of ``sparx_dsl.ops.inference`` check all that they are given, which takes longer than a small map does.
These check a map alone. They are for plain inference, which their callers make sure of
(``PackedWeights.is_plain_inference``); profilers, and subclasses of ``Tensor``, see the operators.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops import inference
from sparx_dsl.ops.arguments import DIRECTIONS, require_memory
from sparx_dsl.ops.cpu import kernels, library, maps
from sparx_dsl.ops.inference import has_blocks_for_threads, mark_modified


class PackedDepthwise:
    """A depthwise convolution of stride 1 that keeps the map's size, with its weight and bias packed."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Pack a weight (channels, 1, k, k) and a bias (channels,)."""
        self.weight, self.bias = maps.packed(weight, bias)
        self._channels, self._size = weight.shape[0], weight.shape[2]
        self._addresses = library.addresses({"weight": self.weight, "bias": self.bias})

    def __call__(self, x: Tensor, activation: str, *, may_overwrite: bool = False) -> Tensor:
        """What ``inference.depthwise_convolution`` gives for a map (batch, channels, height, width), in its shape."""
        if is_observed(x) or not is_map(x, self._channels):
            weights = (self.weight, self.bias)
            return inference.depthwise_convolution(x, *weights, activation, may_overwrite=may_overwrite)
        in_place = may_overwrite and has_blocks_for_threads(x)
        number, kind = maps.ACTIVATIONS[activation], kernels.KINDS[x.dtype]
        scalars = (x.shape[2], x.shape[3], self._size, number, kind, library.threads())
        found = maps.run("depthwise", x, scalars, self._addresses, in_place=in_place)
        if in_place:
            mark_modified(x)
        return found


class PackedNorm:
    """GroupNorm of one group, with its weight and bias in float32."""

    def __init__(self, weight: Tensor, bias: Tensor, epsilon: float) -> None:
        """Convert a weight and a bias (channels,)."""
        self.weight, self.bias = (each.detach().float().contiguous() for each in (weight, bias))
        self._epsilon, self._channels = epsilon, len(weight)
        self._addresses = library.addresses({"weight": self.weight, "bias": self.bias})

    def __call__(self, x: Tensor, *, may_overwrite: bool = False) -> Tensor:
        """What ``inference.map_norm`` gives for a map (batch, channels, height, width), in its shape."""
        if is_observed(x) or not is_map(x, self._channels):
            return inference.map_norm(x, self.weight, self.bias, self._epsilon, may_overwrite=may_overwrite)
        scalars = (x.shape[2] * x.shape[3], kernels.KINDS[x.dtype], library.threads(), self._epsilon)
        found = maps.run("group_norm", x, scalars, self._addresses, in_place=may_overwrite)
        if may_overwrite:
            mark_modified(x)
        return found


class PackedScan:
    """SS2D with its parameters as the kernel reads them."""

    def __init__(self, parameters: dict[str, Tensor]) -> None:
        """Take what ``kernels.ss2d_parameters`` returns: weight (4, R, inner), rate (4, N, inner) and the others."""
        self.parameters = {name: each.detach() for name, each in parameters.items()}
        _, self._rank, self._channels = self.parameters["weight"].shape
        self._states = self.parameters["rate"].shape[1]
        self._addresses = library.addresses(self.parameters)

    def __call__(self, x: Tensor, projected: Tensor) -> None:
        """``inference.ss2d_in_place`` of a map (batch, inner, height, width).

        ``projected`` is (batch, height, width, 4·(R + 2N)), apart from x in memory.
        """
        batch, _, height, width = x.shape
        wanted = (batch, height, width, DIRECTIONS * (self._rank + 2 * self._states))
        fits = is_map(x, self._channels) and x.dtype == projected.dtype
        if is_observed(x) or not fits or projected.shape != wanted or not projected.is_contiguous():
            inference.ss2d_in_place(x, projected, *self.parameters.values())
            return
        require_memory({"projected": projected})
        scalars = (height, width, self._rank, self._states, kernels.KINDS[x.dtype], library.threads())
        maps.run("ss2d_forward", x, scalars, {"projected": projected.data_ptr(), **self._addresses}, in_place=True)
        mark_modified(x)


def is_observed(x: Tensor) -> bool:
    """Whether a profiler, or a subclass of ``Tensor``, wants to see an operator of x, which may be of any shape."""
    return type(x) is not Tensor or torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]


def is_map(x: Tensor, channels: int) -> bool:
    """Whether x is a channels-last map (batch, channels, height, width) of a dtype with kernels, and has its memory."""
    return (
        x.dim() == 4
        and x.shape[1] == channels
        and x.dtype in kernels.KINDS
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.untyped_storage().nbytes() >= (x.storage_offset() + x.numel()) * x.element_size()
    )
