"""Convolutions for inference: fused primitives on CPU where they can be used, plain operators elsewhere.

oneDNN computes GELU and SiLU in the same pass that writes a convolution's or product's result (its "post-operations"),
which saves a read and a write of the map. PyTorch has these primitives as ``torch.ops.mkldnn``, for Inductor; they have
no derivative and do not follow autocast.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.nn.convolution import Convolution
from sparx_dsl.nn.prepared import PreparedWeights, is_plain_inference
from sparx_dsl.ops.cpu import maps
from sparx_dsl.ops.inference import depthwise_convolution

MOST_SHAPES = 4
"""For how many shapes of maps a convolution keeps its weight in blocks; the blocks that suit depend on the shape."""

ACTIVATIONS: dict[str, tuple[str, list[float], str]] = {
    "none": ("none", [], ""),
    "gelu": ("gelu", [], "none"),
    "silu": ("swish", [], ""),
}
"""What may follow a product, as oneDNN's primitives are told of it."""

ANY_SHAPE = torch.Size()
"""Stands for every shape, where one arrangement suits all."""


class InferenceConvolution(PreparedWeights, Convolution):
    """A convolution that can give its GELU or SiLU in one pass; parameters as in ``Convolution``.

    On CPU it also keeps its weight in the blocks in which oneDNN reads it, which would else be arranged in each call.
    """

    follows = ("weight",)

    def forget(self) -> None:
        """Let go of all blocks, since the weight is another."""
        super().forget()
        self.geometry = (list(self.padding), list(self.stride), list(self.dilation), self.groups)
        self.packable = packable(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        return self.primitive(input, "none") if self.fusable(input) else super().forward(input)

    def gelu(self, x: Tensor, spent: bool = False) -> Tensor:
        """GELU of the convolution, of its shape; in the place of x where that is ``spent``, if that can be."""
        return self.primitive(x, "gelu", spent) if self.fusable(x) else functional.gelu(self(x))

    def silu(self, x: Tensor, spent: bool = False) -> Tensor:
        """SiLU of the convolution, of its shape; in the place of x where that is ``spent``, if that can be."""
        return self.primitive(x, "silu", spent) if self.fusable(x) else functional.silu(self(x))

    def fusable(self, x: Tensor) -> bool:
        """Whether the fused primitives give what plain operators would."""
        if torch.compiler.is_compiling():
            return False
        self.follow()
        weight, bias = self._parameters.get("weight"), self._parameters.get("bias")
        return self.packable and weight is not None and is_plain_inference(x, weight, bias)

    def primitive(self, x: Tensor, activation: str, spent: bool = False) -> Tensor:
        """The convolution and what follows it, as one primitive of oneDNN, which has no use for a spent x."""
        convolve = torch.ops.mkldnn._convolution_pointwise
        blocks = self.prepared.get(x.shape)
        if blocks is None:
            blocks = self.pack(x.shape)
        name, scalars, algorithm = ACTIVATIONS[activation]
        return cast(Tensor, convolve(x, blocks, self.bias, *self.geometry, name, scalars, algorithm))

    def pack(self, shape: torch.Size) -> Tensor:
        """Arrange the weight for maps of a shape, and keep it."""
        if len(self.prepared) >= MOST_SHAPES:
            self.prepared = {}
        reorder = torch.ops.mkldnn._reorder_convolution_weight
        blocks = self.prepared[shape] = cast(Tensor, reorder(self.weight.detach(), *self.geometry, list(shape)))
        return blocks


class CompiledDepthwise(InferenceConvolution):
    """A depthwise convolution of stride 1 that keeps the map's size, through this project's compiled kernel.

    It reads each map once and can write over it, where oneDNN's wants fresh memory; without the compiled library it is
    as any other.
    """

    follows = ("weight", "bias")

    def forget(self) -> None:
        """Let go of what is kept, since the weights are others."""
        super().forget()
        self.compiled = self.weight.device.type == "cpu" and maps.problem(self.weight.dtype) is None
        self.packable = self.packable or self.compiled

    def primitive(self, x: Tensor, activation: str, spent: bool = False) -> Tensor:
        """The convolution and its activation in one pass."""
        if not self.compiled:
            return super().primitive(x, activation)
        if ANY_SHAPE not in self.prepared:
            self.prepared[ANY_SHAPE] = maps.packed(self.weight, self.bias)
        weight, bias = self.prepared[ANY_SHAPE]
        return depthwise_convolution(x, weight, bias, activation, may_overwrite=spent)


class PositionLinear(InferenceConvolution):
    """A 1×1 convolution without groups, as one matrix product over all positions of a channels-last map."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width), channels last in memory."""
        if self.fusable(input):
            return self.primitive(input, "none")
        positions = functional.linear(input.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return positions.permute(0, 3, 1, 2)

    def primitive(self, x: Tensor, activation: str, spent: bool = False) -> Tensor:
        """The product and what follows it, as one primitive of oneDNN."""
        multiply = torch.ops.mkldnn._linear_pointwise
        blocks = self.prepared.get(ANY_SHAPE)
        if blocks is None:
            blocks = self.pack(ANY_SHAPE)
        positions = multiply(x.permute(0, 2, 3, 1), blocks, self.bias, *ACTIVATIONS[activation])
        return cast(Tensor, positions).permute(0, 3, 1, 2)

    def pack(self, shape: torch.Size) -> Tensor:
        """Arrange the weight, for maps of any shape, and keep it."""
        rows = self.weight.detach().flatten(1).contiguous()
        blocks = self.prepared[shape] = cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(rows, None))
        return blocks


def gelu_of(conv: nn.Module, x: Tensor, spent: bool = False) -> Tensor:
    """GELU of what a convolution, or one with its norm, makes of x; in one pass where the convolution can.

    ``spent`` says that nothing else reads x, so that the result may take its place.
    """
    return conv.gelu(x, spent) if isinstance(conv, InferenceConvolution) else functional.gelu(conv(x))


def silu_of(conv: nn.Module, x: Tensor, spent: bool = False) -> Tensor:
    """SiLU of what a convolution makes of x, as ``gelu_of`` gives GELU."""
    return conv.silu(x, spent) if isinstance(conv, InferenceConvolution) else functional.silu(conv(x))


def packable(weight: Tensor) -> bool:
    """Whether oneDNN has primitives for a weight of that device and dtype on this machine."""
    return (
        weight.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and (
            weight.dtype == torch.float32
            or (weight.dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
        )
    )


def as_inference(conv: Convolution) -> InferenceConvolution:
    """The same convolution for inference, with the same parameters; a product over positions where it is 1×1."""
    one_by_one = conv.kernel_size == (1, 1) and conv.stride == (1, 1) and conv.padding == (0, 0) and conv.groups == 1
    return remade(conv, PositionLinear if one_by_one else InferenceConvolution)


def is_compilable(conv: Convolution) -> bool:
    """Whether the compiled kernel for depthwise convolutions can stand for one."""
    size = conv.kernel_size[0]
    return (
        conv.groups == conv.in_channels == conv.out_channels
        and size in maps.KERNELS
        and conv.kernel_size == (size, size)
        and conv.padding == (size // 2, size // 2)
        and conv.stride == conv.dilation == (1, 1)
    )


def remade(conv: Convolution, kind: type[InferenceConvolution]) -> InferenceConvolution:
    """A convolution of another kind with the same parameters."""
    made = kind(
        conv.in_channels,
        conv.out_channels,
        (conv.kernel_size[0], conv.kernel_size[1]),
        stride=(conv.stride[0], conv.stride[1]),
        padding=cast(tuple[int, int], conv.padding),
        dilation=(conv.dilation[0], conv.dilation[1]),
        groups=conv.groups,
        bias=conv.bias is not None,
        device="meta",
    )
    made.weight = conv.weight
    made.bias = conv.bias
    made.forget()
    return made.train(conv.training)
