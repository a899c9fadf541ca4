"""GroupNorm of one group for inference, through this project's compiled kernel where it can be used."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from sparx_dsl.inference.packed_weights import PackedWeights
from sparx_dsl.nn.norm import WholeMapNorm
from sparx_dsl.ops.cpu import maps
from sparx_dsl.ops.inference import map_norm
from sparx_dsl.ops.map_arguments import is_channels_last
from sparx_dsl.ops.packed_maps import PackedNorm

NORM = "norm"
"""The name under which the kernel is kept, with weight and bias as it reads them."""


class CompiledNorm(PackedWeights, nn.GroupNorm):
    """A norm over whole maps with its parameters and results, and all else that it had, hooks too.

    It can overwrite its map (batch, channels, height, width). With gradients, or without the compiled library, it is as
    ``GroupNorm``.
    """

    packs = ("weight", "bias")

    def clear(self) -> None:
        """Drop what is packed, since the weights are others."""
        super().clear()
        weight = self._parameters.get("weight")
        self.compiled = weight is not None and weight.device.type == "cpu" and maps.problem(weight.dtype) is None

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.normalise(input, may_overwrite=False)

    def normalise(self, x: Tensor, *, may_overwrite: bool) -> Tensor:
        """The norm of a map (batch, channels, height, width), in its place where that may and can be."""
        if not self.fusable(x):
            return super().forward(x)
        if torch.compiler.is_compiling():
            return map_norm(x, self.weight.float(), self.bias.float(), self.eps, may_overwrite=may_overwrite)
        return self.run(x, may_overwrite=may_overwrite)

    def is_ready(self, x: Tensor) -> bool:
        """Also whether there is a kernel, and x, (batch, channels, height, width), lies as it reads maps."""
        has_bias = self._parameters.get("bias") is not None
        return super().is_ready(x) and has_bias and self.compiled and x.dim() == 4 and is_channels_last(x)

    def run(self, x: Tensor, *, may_overwrite: bool) -> Tensor:
        """The norm of a channels-last map (batch, channels, height, width), in its place where that may be."""
        kernel = self.packed.get(NORM)
        if kernel is None:
            kernel = self.packed[NORM] = PackedNorm(self.weight, self.bias, self.eps)
        return kernel(x, may_overwrite=may_overwrite)

    def fusable(self, x: Tensor) -> bool:
        """Whether the kernel gives what GroupNorm would."""
        weight, bias = self._parameters.get("weight"), self._parameters.get("bias")
        if weight is None or bias is None or not self.is_plain_inference(x, weight, bias):
            return False
        return self.compiled and x.dim() == 4 and is_channels_last(x)


def norm_in_place(norm: nn.Module, x: Tensor) -> Tensor:
    """The norm of a map (batch, channels, height, width) that nothing else reads, in its place where the norm can."""
    if isinstance(norm, CompiledNorm) and not norm.has_hooks():
        return norm.normalise(x, may_overwrite=True)
    return cast(Tensor, norm(x))


def is_whole_map_norm(norm: nn.GroupNorm) -> bool:
    """Whether a norm is over whole maps, with a scale and a shift for each channel."""
    return type(norm) in (nn.GroupNorm, WholeMapNorm) and norm.num_groups == 1 and norm.affine
