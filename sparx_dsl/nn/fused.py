"""Convolutions for inference: oneDNN's fused primitives on CPU where they can be used, plain operators elsewhere.

oneDNN computes GELU and SiLU in the same pass that writes a convolution's or product's result (its "post-operations"),
which saves a read and a write of the map. PyTorch has these primitives as ``torch.ops.mkldnn``, for Inductor; they have
no derivative and do not follow autocast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from sparx_dsl.nn.convolution import Convolution
from sparx_dsl.ops.forward_mode import has_tangent

MOST_SHAPES = 4
"""For how many shapes of maps a convolution keeps its weight in blocks; the blocks that suit depend on the shape."""

ANY_SHAPE = torch.Size()
"""Stands for every shape, where one arrangement suits all."""


class InferenceConvolution(Convolution):
    """A convolution that can give its GELU or SiLU in one pass; parameters as in ``Convolution``.

    On CPU it also keeps its weight in the blocks in which oneDNN reads it, which would else be arranged in each call.
    Another weight, and one that was written to, is arranged anew; what is written through ``weight.data`` is not seen.
    """

    packable: bool
    packed: dict[torch.Size, Tensor]
    source: tuple[Tensor, int]
    """The weight that the blocks are of, and how often it had been written to."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the convolution's shape."""
        return self.primitive(input, "none", "") if self.fusable(input) else super().forward(input)

    def gelu(self, x: Tensor) -> Tensor:
        """GELU of the convolution, of its shape."""
        return self.primitive(x, "gelu", "none") if self.fusable(x) else functional.gelu(self(x))

    def silu(self, x: Tensor) -> Tensor:
        """SiLU of the convolution, of its shape."""
        return self.primitive(x, "swish", "") if self.fusable(x) else functional.silu(self(x))

    def fusable(self, x: Tensor) -> bool:
        """Whether oneDNN's fused primitives give what plain operators would: outside of autograd and compilers."""
        if torch.compiler.is_compiling() or transformed(x):
            return False
        # A module's parameters are slow to look up, and this is asked before every product.
        weight = self.weight
        source, version = self.source
        if source is not weight or version != version_of(weight):
            self.forget_blocks()
        return (
            self.packable
            and x.dtype == weight.dtype
            and x.is_cpu
            and not (torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad))
            and not torch.is_autocast_enabled("cpu")
        )

    def primitive(self, x: Tensor, activation: str, algorithm: str) -> Tensor:
        """The convolution and what follows it, as one primitive of oneDNN."""
        convolve = torch.ops.mkldnn._convolution_pointwise
        blocks = self.packed.get(x.shape)
        if blocks is None:
            blocks = self.pack(x.shape)
        return cast(Tensor, convolve(x, blocks, self.bias, *self.geometry, activation, [], algorithm))

    def pack(self, shape: torch.Size) -> Tensor:
        """Arrange the weight for maps of a shape, and keep it."""
        if len(self.packed) >= MOST_SHAPES:
            self.packed = {}
        reorder = torch.ops.mkldnn._reorder_convolution_weight
        blocks = self.packed[shape] = cast(Tensor, reorder(self.weight.detach(), *self.geometry, list(shape)))
        return blocks

    def forget_blocks(self) -> None:
        """Let go of all blocks, since the weight is another."""
        self.geometry = (list(self.padding), list(self.stride), list(self.dilation), self.groups)
        self.packable = packable(self.weight)
        self.packed = {}
        self.source = (self.weight, version_of(self.weight))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow ``.to()`` and its like."""
        super()._apply(fn, recurse)  # pyright: ignore[reportUnknownMemberType]
        self.forget_blocks()
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Follow ``load_state_dict``."""
        super()._load_from_state_dict(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self.forget_blocks()

    def __getstate__(self) -> dict[str, Any]:
        """All but the blocks and their source, which a copy finds anew."""
        return {name: value for name, value in vars(self).items() if name not in ("packed", "source")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # pyright: ignore[reportUnknownMemberType]
        self.forget_blocks()


class PositionLinear(InferenceConvolution):
    """A 1×1 convolution without groups, as one matrix product over all positions of a channels-last map."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, out_channels, height, width), channels last in memory."""
        if self.fusable(input):
            return self.primitive(input, "none", "")
        positions = functional.linear(input.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return positions.permute(0, 3, 1, 2)

    def primitive(self, x: Tensor, activation: str, algorithm: str) -> Tensor:
        """The product and what follows it, as one primitive of oneDNN."""
        multiply = torch.ops.mkldnn._linear_pointwise
        blocks = self.packed.get(ANY_SHAPE)
        if blocks is None:
            blocks = self.pack(ANY_SHAPE)
        positions = multiply(x.permute(0, 2, 3, 1), blocks, self.bias, activation, [], algorithm)
        return cast(Tensor, positions).permute(0, 3, 1, 2)

    def pack(self, shape: torch.Size) -> Tensor:
        """Arrange the weight, for maps of any shape, and keep it."""
        rows = self.weight.detach().flatten(1).contiguous()
        blocks = self.packed[shape] = cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(rows, None))
        return blocks


def gelu_of(conv: nn.Module, x: Tensor) -> Tensor:
    """GELU of what a convolution, or one with its norm, makes of x; in one pass where the convolution can."""
    return conv.gelu(x) if isinstance(conv, InferenceConvolution) else functional.gelu(conv(x))


def silu_of(conv: nn.Module, x: Tensor) -> Tensor:
    """SiLU of what a convolution makes of x; in one pass where the convolution can."""
    return conv.silu(x) if isinstance(conv, InferenceConvolution) else functional.silu(conv(x))


def transformed(x: Tensor) -> bool:
    """Whether derivatives in forward mode are asked for, or a functional transform or a tracer is at work."""
    return (
        has_tangent(x)
        or torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
        or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    )


def version_of(weight: Tensor) -> int:
    """How often a tensor was written to; those of inference mode do not count."""
    return 0 if weight.is_inference() else weight._version  # pyright: ignore[reportPrivateUsage]


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
    made = (PositionLinear if one_by_one else InferenceConvolution)(
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
    made.forget_blocks()
    return made.train(conv.training)
