"""GroupNorm of one group for inference, through this project's compiled kernel where it can be used."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from sparx_dsl.nn.prepared import PreparedWeights, is_plain_inference
from sparx_dsl.ops.cpu import maps
from sparx_dsl.ops.inference import map_norm
from sparx_dsl.ops.map_arguments import is_channels_last

NORM = "norm"
"""The name under which weight and bias are kept as the kernel reads them."""


class CompiledNorm(PreparedWeights, nn.GroupNorm):
    """A norm over whole maps with its parameters and results, and all else that it had, hooks too.

    It can write over its map. With gradients or compilers, or without the compiled library, it is as ``GroupNorm``.
    """

    follows = ("weight", "bias")

    def __init__(self, norm: nn.GroupNorm) -> None:
        nn.Module.__init__(self)
        vars(self).update(vars(norm))
        self.forget()

    def forget(self) -> None:
        """Let go of what is kept, since the weights are others."""
        super().forget()
        weight = self._parameters.get("weight")
        self.compiled = weight is not None and weight.device.type == "cpu" and maps.problem(weight.dtype) is None

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same shape."""
        return self.normalise(input, spent=False)

    def normalise(self, x: Tensor, *, spent: bool) -> Tensor:
        """The norm of a map (batch, channels, height, width), in its place where nothing else reads it."""
        if not self.fusable(x):
            return super().forward(x)
        if NORM not in self.prepared:
            self.prepared[NORM] = tuple(cast(Tensor, self._parameters[name]).detach().float() for name in self.follows)
        weight, bias = self.prepared[NORM]
        return map_norm(x, weight, bias, self.eps, may_overwrite=spent)

    def fusable(self, x: Tensor) -> bool:
        """Whether the kernel gives what GroupNorm would."""
        self.follow()
        weight, bias = self._parameters.get("weight"), self._parameters.get("bias")
        if not self.compiled or weight is None or bias is None:
            return False
        return is_plain_inference(x, weight, bias) and x.dim() == 4 and is_channels_last(x)


def normalised(norm: nn.Module, x: Tensor) -> Tensor:
    """The norm of a map that nothing else reads, in its place where the norm can."""
    return norm.normalise(x, spent=True) if isinstance(norm, CompiledNorm) else norm(x)


def is_whole_map_norm(norm: nn.GroupNorm) -> bool:
    """Whether a norm is over whole maps, with a factor and a summand for each channel."""
    return type(norm) is nn.GroupNorm and norm.num_groups == 1 and norm.affine
