"""Run depthwise convolutions and norms through this project's kernels for CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from sparx_dsl.inference.fused_convolution import CompiledDepthwise, FusedConvolution, is_compilable
from sparx_dsl.inference.fused_norm import CompiledNorm, is_whole_map_norm
from sparx_dsl.inference.passes.base import Change, modules_of
from sparx_dsl.lowering.backbone import Backbone


@dataclass(frozen=True, slots=True)
class CompiledKernels:
    """Depthwise convolutions and norms over maps run through this project's kernels, which can write in place.

    To fetch memory that was not used for a while takes longer than they compute.
    """

    name: str = "compiled kernels"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The convolutions and norms that a kernel could stand for."""
        for path, conv in modules_of(backbone, FusedConvolution):
            if type(conv) is FusedConvolution and is_compilable(conv):
                yield path, partial(CompiledDepthwise, conv)
        for path, norm in modules_of(backbone, nn.GroupNorm):
            if is_whole_map_norm(norm):
                yield path, partial(CompiledNorm, norm)
