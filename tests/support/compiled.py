"""Backbones compiled from drawn specs, and a naive run of their schedules."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

import sparx_dsl
from sparx_dsl import Spec
from sparx_dsl.lowering import Backbone
from sparx_dsl.schedule import Gather, Run
from tests.support.strategies import specs


def backbones(**bounds: int) -> st.SearchStrategy[Backbone]:
    """A compiled backbone of a small generated spec, for logits or for the maps of some of its stages."""

    @st.composite
    def draw_backbone(draw: st.DrawFn) -> Backbone:
        spec = draw(specs(**bounds))
        stages = range(1, len(spec.stages) + 1)
        features = draw(st.none() | st.sets(st.sampled_from(stages), min_size=1).map(lambda few: tuple(sorted(few))))
        torch.manual_seed(draw(st.integers(0, 9)))
        return sparx_dsl.build(spec, features=features)

    return draw_backbone()


def images_for(spec: Spec, batch: int = 1) -> Tensor:
    """Random images of the size that the spec names."""
    return torch.randn(batch, spec.input.channels, *spec.input.size)


def naive(backbone: Backbone, images: Tensor) -> Tensor | list[Tensor]:
    """Run the steps one after the other, keep every buffer, free nothing."""
    buffers = {"images": images}
    for step in backbone.schedule.steps:
        if isinstance(step, Run):
            part = backbone.get_submodule(step.module)
            buffers[step.output] = part(*[buffers[name] for name in step.inputs])
        elif isinstance(step, Gather):
            buffers[step.output] = torch.cat([buffers[name] for name in step.inputs], dim=1)
    results = [buffers[name] for name in backbone.schedule.outputs]
    return results[0] if backbone.schedule.features is None else results


def map_of(output: Any) -> Tensor:
    """The feature map in what a layer or a stage gives; a stage in which links start gives theirs behind it."""
    return output if isinstance(output, Tensor) else output[0]
