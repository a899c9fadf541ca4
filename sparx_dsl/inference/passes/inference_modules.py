"""Put the kinds' modules for inference in the place of those for training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from torch import nn

from sparx_dsl.inference.deployment import Place
from sparx_dsl.inference.fused_convolution import FusedConvolution, PositionLinear
from sparx_dsl.inference.kind_parts import kind_parts
from sparx_dsl.inference.passes.base import Change
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.nn.layer import Fusing, GanglionMixing, NormalMixing
from sparx_dsl.schedule import Free

PROJECTIONS = (nn.Conv2d, FusedConvolution, PositionLinear)
"""The input projections of mixers whose result is known to be a tensor of its own."""


@dataclass(frozen=True, slots=True)
class InferenceModules:
    """Each kind's modules are replaced by those that its ``inference`` facet names.

    They fuse activations with convolutions, are prepared for the planned size of the map, and write over maps that
    nothing else reads.
    """

    name: str = "inference modules"

    def changes(self, backbone: Backbone) -> Iterator[Change]:
        """The modules that are as they were for training."""
        owned = owned_inputs(backbone)
        for part in kind_parts(backbone):
            height, width = backbone.schedule.buffers[part.step.inputs[0]].shape[2:]
            # From the inside out, so that a replacement finds its own parts replaced.
            for path, module, facts in reversed([*part.modules()]):
                if facts.replacement is not None:
                    yield path, partial(facts.replacement, module, Place((height, width), module in owned))


def owned_inputs(backbone: Backbone) -> set[nn.Module]:
    """The mixers that are given a tensor of their own, which nothing else reads."""
    steps = [step for step in backbone.schedule.steps if not isinstance(step, Free)]
    reads = Counter(chain(backbone.schedule.outputs, *(step.inputs for step in steps)))
    own: set[str] = set()
    owned: set[nn.Module] = set()
    for part in kind_parts(backbone):
        module = part.module
        if isinstance(module, Fusing) and part.facts(module.fusion).own_result and reads[part.step.output] == 1:
            own.add(part.step.output)
        # Classes derived of a convolution may hand out what they are given.
        if isinstance(module, NormalMixing) and type(module.projection) in PROJECTIONS:
            owned.add(module.mixer)
        if isinstance(module, GanglionMixing) and part.step.inputs[1] in own:
            owned.add(module.mixer)
    return owned
