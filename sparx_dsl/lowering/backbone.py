"""The compiled module."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import fx, nn

from sparx_dsl.lowering.features import FeatureInfo
from sparx_dsl.lowering.fxgraph import fx_graph
from sparx_dsl.schedule import Run, Schedule
from sparx_dsl.spec import Spec


class Backbone(fx.GraphModule):
    """A backbone compiled from a spec: ``forward(images)`` with images (batch, channels, height, width) of any size.

    It gives logits (batch, classes), the last stage's map where the spec has no head, or the list of maps of the stages
    it was built for. ``state_dict`` keys are ``stage3.layer4.mixer.…``. ``code`` shows the generated forward.
    """

    spec: Spec
    schedule: Schedule
    feature_info: FeatureInfo

    def __init__(self, schedule: Schedule, modules: Mapping[str, nn.Module]) -> None:
        super().__init__(module_tree(schedule, modules), fx_graph(schedule), class_name="Backbone")
        self.spec = schedule.graph.spec
        self.schedule = schedule
        self.feature_info = FeatureInfo.of(schedule)

    def parts(self) -> dict[str, nn.Module]:
        """The module of every step, by its path."""
        return {path: self.get_submodule(path) for path in module_paths(self.schedule)}

    def __deepcopy__(self, memo: dict[int, Any]) -> Backbone:
        twin = restored(self.schedule, copy.deepcopy(self.parts(), memo), self.training)
        memo[id(self)] = twin
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return (restored, (self.schedule, self.parts(), self.training))


def restored(schedule: Schedule, modules: Mapping[str, nn.Module], training: bool) -> Backbone:
    """A backbone around modules that exist already, its own mode set and theirs left as they are."""
    backbone = Backbone(schedule, modules)
    backbone.training = training
    return backbone


def module_paths(schedule: Schedule) -> tuple[str, ...]:
    """The paths of a schedule's modules, in the order in which they run."""
    return tuple(step.module for step in schedule.steps if isinstance(step, Run))


def module_tree(schedule: Schedule, modules: Mapping[str, nn.Module]) -> nn.Module:
    """One module that holds those of all steps at their paths."""
    root = nn.Module()
    for path in module_paths(schedule):
        *parents, leaf = path.split(".")
        parent = root
        for name in parents:
            if name not in parent._modules:
                parent.add_module(name, nn.Module())
            parent = parent.get_submodule(name)
        parent.add_module(leaf, modules[path])
    return root
