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

TYPICAL_SIZE = (28, 28)
"""The height and width for which a convolution's weight is arranged; other sizes are as right, if not as fast."""


class InferenceConvolution(Convolution):
    """A convolution that can give its GELU or SiLU in one pass; parameters as in ``Convolution``.

    On CPU it also holds its weight in the blocks in which oneDNN reads it, which would else be arranged in each call.
    """

    packed: Tensor | None

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
        return (
            self.packed is not None
            and not torch.compiler.is_compiling()
            and x.dtype == self.packed.dtype
            and x.device.type == "cpu"
            and not (torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad))
            and not torch.is_autocast_enabled("cpu")
        )

    def primitive(self, x: Tensor, activation: str, algorithm: str) -> Tensor:
        """The convolution and what follows it, as one primitive of oneDNN."""
        convolve = torch.ops.mkldnn._convolution_pointwise
        return cast(Tensor, convolve(x, self.packed, self.bias, *self.geometry, activation, [], algorithm))

    def pack(self) -> None:
        """Arrange the weight in blocks, where oneDNN is used; else let go of the old blocks."""
        self.geometry = (list(self.padding), list(self.stride), list(self.dilation), self.groups)
        self.packed = self.blocks() if packable(self.weight) else None

    def blocks(self) -> Tensor:
        """The weight in blocks."""
        shape = [1, self.in_channels, *TYPICAL_SIZE]
        reorder = torch.ops.mkldnn._reorder_convolution_weight
        return cast(Tensor, reorder(self.weight.detach(), *self.geometry, shape))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow ``.to()`` and its like."""
        super()._apply(fn, recurse)  # pyright: ignore[reportUnknownMemberType]
        self.pack()
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Follow ``load_state_dict``."""
        super()._load_from_state_dict(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self.pack()

    def __getstate__(self) -> dict[str, Any]:
        """All but the blocks, which a copy arranges anew."""
        return {**vars(self), "packed": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # pyright: ignore[reportUnknownMemberType]
        self.pack()


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
        positions = multiply(x.permute(0, 2, 3, 1), self.packed, self.bias, activation, [], algorithm)
        return cast(Tensor, positions).permute(0, 3, 1, 2)

    def blocks(self) -> Tensor:
        """The weight in blocks."""
        return cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(self.weight.detach().flatten(1).contiguous(), None))


def gelu_of(conv: nn.Module, x: Tensor) -> Tensor:
    """GELU of what a convolution, or one with its norm, makes of x; in one pass where the convolution can."""
    return conv.gelu(x) if isinstance(conv, InferenceConvolution) else functional.gelu(conv(x))


def silu_of(conv: nn.Module, x: Tensor) -> Tensor:
    """SiLU of what a convolution makes of x; in one pass where the convolution can."""
    return conv.silu(x) if isinstance(conv, InferenceConvolution) else functional.silu(conv(x))


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
    made.pack()
    return made.train(conv.training)
