"""Run depthwise convolutions and norms through this project's kernels for CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from sparx_dsl.inference.fused_convolution import CompiledDepthwise, FusedConvolution, is_compilable
from sparx_dsl.inference.fused_norm import CompiledNorm, is_whole_map_norm
from sparx_dsl.inference.packed_weights import PackedWeights
from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.lowering.backbone import Backbone


@dataclass(frozen=True, slots=True)
class CompiledKernels:
    """Depthwise convolutions and norms over maps run through this project's kernels, which can write in place.

    To fetch memory that was not used for a while takes longer than they compute.
    """

    name: str = "compiled kernels"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for path, module, compiled in compilable(backbone):
            replace(backbone, path, compiled(module))

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The convolutions and norms that are as they were."""
        yield from (f"{path} is not compiled" for path, _, _ in compilable(backbone))


def compilable(backbone: Backbone) -> Iterator[tuple[str, nn.Module, type[PackedWeights]]]:
    """The modules that a kernel could stand for, with their paths and what stands for them."""
    for path, conv in modules_of(backbone, FusedConvolution):
        if type(conv) is FusedConvolution and is_compilable(conv):
            yield path, conv, CompiledDepthwise
    for path, norm in modules_of(backbone, nn.GroupNorm):
        if is_whole_map_norm(norm):
            yield path, norm, CompiledNorm
