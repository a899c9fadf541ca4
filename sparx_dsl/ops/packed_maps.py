"""Kernels for inference on CPU with their weights packed, for modules: what is known of the weights is not asked again.

The operators of ``sparx_dsl.ops.inference`` check all that they are given, which takes longer than a small map does.
These check a map alone. They are for plain inference, which their callers make sure of
(``PackedWeights.is_plain_inference``); profilers, and subclasses of ``Tensor``, see the operators.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sparx_dsl.ops import inference
from sparx_dsl.ops.arguments import DIRECTIONS, has_memory, require_memory
from sparx_dsl.ops.cpu import kernels, library, maps
from sparx_dsl.ops.inference import has_blocks
from sparx_dsl.ops.onednn import Activation


class PackedKernel:
    """A function of the compiled library, and where copies of its weights lie."""

    def __init__(self, name: str, channels: int, *weights: Tensor) -> None:
        """Find the function, for maps of that many channels and weights of its own, in the shapes that it reads."""
        self._name, self._channels = name, channels
        self._addresses = tuple(each.data_ptr() for each in weights)

    def is_served(self, x: Tensor) -> bool:
        """Whether x is a channels-last map (batch, channels, height, width) with its memory, and nothing looks on.

        A profiler, or a subclass of ``Tensor``, wants to see an operator.
        """
        return (
            type(x) is Tensor
            and x.dim() == 4
            and x.shape[1] == self._channels
            and x.dtype in kernels.KINDS
            and x.is_contiguous(memory_format=torch.channels_last)
            and has_memory(x)
            and not torch.autograd._profiler_enabled()  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
        )

    def run(self, x: Tensor, scalars: tuple[float, ...], in_place: bool, *more: int) -> Tensor:
        """Call the function for a map (batch, channels, height, width) that is served, in whose shape the result is."""
        found = maps.run(self._name, x, scalars, (*more, *self._addresses), in_place=in_place)
        if in_place and not x.is_inference():
            torch.autograd.graph.increment_version(x)
        return found


class PackedDepthwise(PackedKernel):
    """A depthwise convolution of stride 1 that keeps the map's size, with its weight and bias packed."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Pack a weight (channels, 1, k, k) and a bias (channels,)."""
        self.weight, self.bias = maps.packed(weight, bias)
        super().__init__("depthwise", weight.shape[0], self.weight, self.bias)
        self._size = weight.shape[2]

    def __call__(self, x: Tensor, activation: Activation, *, may_overwrite: bool = False) -> Tensor:
        """What ``inference.depthwise_convolution`` gives for a map (batch, channels, height, width), in its shape."""
        if not self.is_served(x):
            weights = (self.weight, self.bias)
            return inference.depthwise_convolution(x, *weights, activation, may_overwrite=may_overwrite)
        _, _, height, width = x.shape
        number, kind, threads = maps.ACTIVATIONS[activation], kernels.KINDS[x.dtype], library.threads()
        in_place = may_overwrite and has_blocks(x, threads)
        return self.run(x, (height, width, self._size, number, kind, threads), in_place)


class PackedNorm(PackedKernel):
    """GroupNorm of one group, with its weight and bias in float32."""

    def __init__(self, weight: Tensor, bias: Tensor, epsilon: float) -> None:
        """Convert and copy a weight and a bias (channels,)."""
        self.weight, self.bias = (each.detach().to(torch.float32, copy=True).contiguous() for each in (weight, bias))
        super().__init__("group_norm", len(weight), self.weight, self.bias)
        self._epsilon = epsilon

    def __call__(self, x: Tensor, *, may_overwrite: bool = False) -> Tensor:
        """What ``inference.map_norm`` gives for a map (batch, channels, height, width), in its shape."""
        if not self.is_served(x):
            return inference.map_norm(x, self.weight, self.bias, self._epsilon, may_overwrite=may_overwrite)
        _, _, height, width = x.shape
        return self.run(x, (height * width, kernels.KINDS[x.dtype], library.threads(), self._epsilon), may_overwrite)


class PackedScan(PackedKernel):
    """SS2D with its parameters as the kernel reads them."""

    def __init__(self, parameters: dict[str, Tensor]) -> None:
        """Copy what ``kernels.ss2d_parameters`` returns: weight (4, R, inner), rate (4, N, inner) and the others."""
        _, self._rank, channels = parameters["weight"].shape
        self._states = parameters["rate"].shape[1]
        self.parameters = {name: each.detach().clone() for name, each in parameters.items()}
        super().__init__("ss2d_forward", channels, *self.parameters.values())

    def __call__(self, x: Tensor, projected: Tensor) -> None:
        """``inference.ss2d_in_place`` of a map (batch, inner, height, width).

        ``projected`` is (batch, height, width, 4·(R + 2N)), apart from x in memory.
        """
        served = self.is_served(x) and projected.dtype == x.dtype and projected.is_contiguous()
        if not served or projected.shape != self._values_shape(x):
            inference.ss2d_in_place(x, projected, *self.parameters.values())
            return
        require_memory({"projected": projected})
        _, _, height, width = x.shape
        scalars = (height, width, self._rank, self._states, kernels.KINDS[x.dtype], library.threads())
        self.run(x, scalars, True, library.address("projected", projected))

    def _values_shape(self, x: Tensor) -> tuple[int, int, int, int]:
        batch, _, height, width = x.shape
        return batch, height, width, DIRECTIONS * (self._rank + 2 * self._states)
