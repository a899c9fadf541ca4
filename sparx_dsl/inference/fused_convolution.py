"""Convolutions for inference: fused primitives on CPU where they can be used, plain operators elsewhere.

In compiled code the same primitives stand as operators that keep what they pack of weights by themselves.
"""

from __future__ import annotations

from typing import TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.inference.packed_weights import PackedWeights, nothing_looks_on
from sparx_dsl.ops.convolution_operators import MOST_FORMS, convolution, product
from sparx_dsl.ops.cpu import maps
from sparx_dsl.ops.inference import depthwise_convolution
from sparx_dsl.ops.map_definitions import ACTIVATIONS
from sparx_dsl.ops.onednn import Activation, windows_are_apart
from sparx_dsl.ops.packed_convolutions import PackedConvolution, is_packable, pack
from sparx_dsl.ops.packed_maps import PackedDepthwise

ANY_SHAPE = torch.Size()
"""Stands for every shape, where one arrangement suits all."""


class FusedConvolution(PackedWeights, nn.Conv2d):
    """A convolution that can give its GELU or SiLU in one pass; parameters as in ``nn.Conv2d``.

    It takes maps (batch, channels, height, width). On CPU it also keeps its weight as the fastest kernel of the machine
    reads it, which would else be arranged in each call.
    """

    packs = ("weight", "bias")

    def clear(self) -> None:
        """Drop all blocks, since the weight is another."""
        super().clear()
        padding = cast("tuple[int, int]", self.padding)  # such a convolution never has one by name
        self.geometry = (list(padding), list(self.stride), list(self.dilation), self.groups)
        self.packable = is_packable(self.weight, self.geometry)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        if self.fusable(input):
            return self.fused(input, "none")
        if input.is_cpu and windows_are_apart(self.weight, self.geometry):
            # Of a channels-last map in bfloat16, PyTorch's can give other values, as ``onednn.is_misread`` says.
            return self._conv_forward(input.contiguous(), self.weight.contiguous(), self.bias)
        return super().forward(input)

    def fusable(self, x: Tensor) -> bool:
        """Whether the fused primitives give what plain operators would."""
        weight = self._parameters.get("weight")
        if weight is None or "bias" not in self._parameters:  # computed from others in each call
            return False
        # In this order: for another weight, what else it can serve is found again first.
        return self.is_plain_inference(x, weight, self._parameters["bias"]) and self.packable

    def fused(self, x: Tensor, activation: Activation, *, may_overwrite: bool = False) -> Tensor:
        """The convolution and what follows it, in the convolution's shape, where x is ``fusable``.

        In place of x, (batch, channels, height, width), where that may be, and the primitive can.
        """
        if torch.compiler.is_compiling():
            return self.as_operator(x, activation, may_overwrite)
        return self.run(x, activation, may_overwrite)

    def as_operator(self, x: Tensor, activation: Activation, may_overwrite: bool) -> Tensor:
        """What ``fused`` gives, in the same shapes, as an operator that a compiled graph can hold."""
        return convolution(x, self.weight, self.bias, self.geometry, activation)

    def is_ready(self, x: Tensor) -> bool:
        """Also whether a kernel has a form for the weight; x is (batch, channels, height, width)."""
        return super().is_ready(x) and self.packable

    def run(self, x: Tensor, activation: Activation, may_overwrite: bool) -> Tensor:
        """What ``fused`` gives, in the same shapes, by one kernel, which never overwrites x."""
        kernel = self.packed.get(ANY_SHAPE) or self.packed.get(x.shape) or self.pack(x.shape)
        bias = self._parameters["bias"]
        if not kernel.serves(x, bias):
            return self.as_operator(x, activation, may_overwrite)
        return kernel.compute(x, bias, activation)

    def pack(self, shape: torch.Size) -> PackedConvolution:
        """Arrange the weight for maps of a shape, and keep it."""
        kernel = pack(self.weight, self.geometry, shape)
        if len(self.packed) >= MOST_FORMS:
            self.packed = {}
        self.packed[ANY_SHAPE if kernel.serves_any_shape else shape] = kernel
        return kernel


class CompiledDepthwise(FusedConvolution):
    """A depthwise convolution of stride 1 that keeps the map's size, through this project's compiled kernel.

    It reads each map once and can overwrite it, where oneDNN's wants fresh memory; without the compiled library it is
    as any other.
    """

    def clear(self) -> None:
        """Drop what is packed, since the weights are others."""
        super().clear()
        self.compiled = self.weight.device.type == "cpu" and maps.problem(self.weight.dtype) is None
        self.packable = self.packable or self.compiled

    def as_operator(self, x: Tensor, activation: Activation, may_overwrite: bool) -> Tensor:
        """What ``fused`` gives, in the same shapes, as an operator that a compiled graph can hold."""
        if not self.compiled:
            return super().as_operator(x, activation, may_overwrite)
        weights = maps.packed(self.weight, self.bias)
        return depthwise_convolution(x, *weights, activation, may_overwrite=may_overwrite)

    def run(self, x: Tensor, activation: Activation, may_overwrite: bool) -> Tensor:
        """What ``fused`` gives, in one pass over x's memory, (batch, channels, height, width)."""
        if not self.compiled:
            return super().run(x, activation, may_overwrite)
        kernel = self.packed.get(ANY_SHAPE)
        if kernel is None:
            kernel = self.packed[ANY_SHAPE] = PackedDepthwise(self.weight, self.bias)
        return kernel(x, activation, may_overwrite=may_overwrite)


class PositionLinear(FusedConvolution):
    """A 1×1 convolution without groups, as one matrix product over all positions of a channels-last map."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width), channels-last."""
        if self.fusable(input):
            return self.fused(input, "none")
        positions = functional.linear(input.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return positions.permute(0, 3, 1, 2)

    def as_operator(self, x: Tensor, activation: Activation, may_overwrite: bool) -> Tensor:
        """What ``fused`` gives, in the shapes of ``forward``, as an operator that a compiled graph can hold."""
        return product(x, self.weight, self.bias, activation)


def gelu_of(conv: nn.Module, x: Tensor, *, may_overwrite: bool = False) -> Tensor:
    """GELU of what a convolution, or one with its norm, makes of x; in one pass where the convolution can.

    x is (batch, channels, height, width), and the result is of the convolution's shape.

    ``may_overwrite`` says that x is a tensor of its own that nothing else reads, so that the result may take its place.
    """
    return activated(conv, x, "gelu", may_overwrite)


def activated(conv: nn.Module, x: Tensor, activation: Activation, may_overwrite: bool) -> Tensor:
    """What ``gelu_of`` gives, in the same shapes, of any activation."""
    if isinstance(conv, FusedConvolution) and conv.fusable(x) and not conv.has_hooks():
        return conv.fused(x, activation, may_overwrite=may_overwrite)
    return ACTIVATIONS[activation](conv(x))


def in_turn(x: Tensor, *steps: tuple[nn.Module, Activation], may_overwrite: bool = False) -> Tensor:
    """What convolutions, each with its activation, make of x one after the other.

    x is (batch, channels, height, width), the result of the last one's shape; ``may_overwrite`` as in ``gelu_of``.
    Whether anything looks on is asked once for all of them: that takes as long as it takes to convolve a small map.
    """
    if nothing_looks_on(x) and all(runs_as_called(conv, x) for conv, _ in steps):
        for conv, activation in cast("tuple[tuple[FusedConvolution, Activation], ...]", steps):
            x = conv.run(x, activation, may_overwrite)
            may_overwrite = True
        return x
    for conv, activation in steps:
        given, x = x, conv(x) if activation == "none" else activated(conv, x, activation, may_overwrite)
        # A hook may hand on what it was given.
        may_overwrite = x is not given or may_overwrite
    return x


def runs_as_called(conv: nn.Module, x: Tensor) -> bool:
    """Whether ``run`` stands for a call with x (batch, channels, height, width): derived classes may do otherwise."""
    own = type(conv) in (PositionLinear, CompiledDepthwise, FusedConvolution)
    return own and isinstance(conv, FusedConvolution) and conv.is_ready(x)


def fused_convolution(conv: nn.Conv2d) -> FusedConvolution:
    """The same convolution for inference, with the same parameters; a product over positions where it is 1×1."""
    return PositionLinear(conv) if is_product_over_channels(conv) else FusedConvolution(conv)


def is_product_over_channels(module: nn.Module) -> TypeGuard[nn.Conv2d | nn.Linear]:
    """Whether a module is one product over the channels of each position: a linear layer, or a 1×1 convolution."""
    if isinstance(module, nn.Conv2d):
        one_by_one = module.kernel_size == module.stride == (1, 1) and module.padding == (0, 0)
        return one_by_one and module.groups == 1
    return isinstance(module, nn.Linear)


def is_compilable(conv: nn.Conv2d) -> bool:
    """Whether the compiled kernel for depthwise convolutions can stand for one."""
    size = conv.kernel_size[0]
    return (
        conv.groups == conv.in_channels == conv.out_channels
        and size in maps.KERNELS
        and conv.kernel_size == (size, size)
        and conv.padding == (size // 2, size // 2)
        and conv.stride == conv.dilation == (1, 1)
    )


def is_depthwise(conv: nn.Conv2d) -> bool:
    """Whether each channel is made of the same one, with an odd kernel that pads its map to the same size."""
    same = conv.padding == tuple(side // 2 for side in conv.kernel_size) and conv.stride == conv.dilation == (1, 1)
    odd = all(side % 2 for side in conv.kernel_size)
    return conv.groups == conv.in_channels == conv.out_channels and same and odd


@torch.no_grad()
def add_identity(conv: nn.Conv2d) -> nn.Conv2d:
    """Let a depthwise convolution of odd kernel and equal size add what it reads; changes and gives it."""
    rows, columns = conv.kernel_size[0], conv.kernel_size[1]
    assert conv.groups == conv.in_channels == conv.out_channels
    weight = conv.weight.clone()
    weight[:, 0, rows // 2, columns // 2] += 1
    conv.weight = nn.Parameter(weight)  # another module may have the same one
    return conv
