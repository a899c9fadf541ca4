"""Let compiled kernels write their results over maps that nothing reads any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from torch import nn

from sparx_dsl.inference.passes.base import modules_of, replace
from sparx_dsl.kinds.fusions.conv_ffn import Concatenation
from sparx_dsl.kinds.fusions.dmca.module import ChannelAggregator
from sparx_dsl.kinds.fusions.no_gcca.module import QueryValueFusion
from sparx_dsl.kinds.fusions.sra.module import SpatialAggregator
from sparx_dsl.kinds.mixers.ss2d.fused import FusedScan2D
from sparx_dsl.kinds.mixers.ss2d.module import SelectiveScan2D
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.convolution import Convolution
from sparx_dsl.nn.fused import CompiledDepthwise, InferenceConvolution, PositionLinear, is_compilable, remade
from sparx_dsl.nn.fused_norm import CompiledNorm, is_whole_map_norm
from sparx_dsl.nn.layer import Fusing, GanglionMixing, NormalMixing
from sparx_dsl.schedule import Free, Run

PRODUCTS = (ChannelAggregator, SpatialAggregator, Concatenation, QueryValueFusion)
"""The fusions that end in a product, whose result is a tensor of their own; kinds derived of them may do otherwise."""


@dataclass(frozen=True, slots=True)
class WriteOver:
    """Depthwise convolutions, norms over maps and SS2D's scan run through this project's kernels for CPU.

    They write over their inputs where nothing else reads these: to fetch memory that was not used for a while takes
    longer than they compute.
    """

    name: str = "write over spent maps"

    def apply(self, backbone: Backbone) -> None:
        """Change the backbone in place."""
        for path, conv in other_depthwise(backbone):
            replace(backbone, path, remade(conv, CompiledDepthwise))
        for path, norm in other_norms(backbone):
            replace(backbone, path, CompiledNorm(norm))
        own = {f"{path}.mixer" for path in (*owning_mixings(backbone), *owning_ganglia(backbone))}
        for path, scan in other_scans(backbone):
            replace(backbone, path, FusedScan2D(scan, owns_input=path in own))

    def broken(self, backbone: Backbone) -> Iterator[str]:
        """The convolutions, norms and scans that are as they were."""
        yield from (f"{path} is not compiled" for path, _ in other_depthwise(backbone))
        yield from (f"{path} is not compiled" for path, _ in other_norms(backbone))
        yield from (f"{path} does not write over its map" for path, _ in other_scans(backbone))


def other_depthwise(backbone: Backbone) -> Iterator[tuple[str, InferenceConvolution]]:
    """The depthwise convolutions for inference that the compiled kernel could stand for."""
    for path, conv in modules_of(backbone, InferenceConvolution):
        if type(conv) is InferenceConvolution and is_compilable(conv):
            yield path, conv


def other_norms(backbone: Backbone) -> Iterator[tuple[str, nn.GroupNorm]]:
    """The norms over whole maps that are PyTorch's."""
    for path, norm in modules_of(backbone, nn.GroupNorm):
        if is_whole_map_norm(norm):
            yield path, norm


def other_scans(backbone: Backbone) -> Iterator[tuple[str, SelectiveScan2D]]:
    """The mixers of SS2D that are as for training."""
    for path, scan in modules_of(backbone, SelectiveScan2D):
        if type(scan) is SelectiveScan2D:
            yield path, scan


def owning_mixings(backbone: Backbone) -> Iterator[str]:
    """The normal layers' mixings that give their mixer a product of their own."""
    for path, mixing in modules_of(backbone, NormalMixing):
        # Kinds derived of a convolution may hand out what they are given.
        if type(mixing.projection) in (Convolution, InferenceConvolution, PositionLinear):
            yield path


def owning_ganglia(backbone: Backbone) -> Iterator[str]:
    """The ganglion layers' mixings whose fused map is a product of the fusion, and read by nothing else.

    Fusions of other kinds may hand out one of their inputs.
    """
    steps = [step for step in backbone.schedule.steps if not isinstance(step, Free)]
    reads = Counter(chain(backbone.schedule.outputs, *(step.inputs for step in steps)))
    made = {step.output: step.module for step in steps if isinstance(step, Run)}
    for step in steps:
        if not isinstance(step, Run) or not isinstance(backbone.get_submodule(step.module), GanglionMixing):
            continue
        fused = step.inputs[1]
        fusing = backbone.get_submodule(made[fused]) if fused in made else None
        known = isinstance(fusing, Fusing) and type(fusing.fusion) in PRODUCTS
        if known and reads[fused] == 1:
            yield step.module
