"""The parts of a backbone, each with what its kind states for deployment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from torch import nn

from sparx_dsl.graph import Node
from sparx_dsl.inference.deployable import Deployable
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.inference.tiled_batch import TiledBatch
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.kind_options import load_facet
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.registry import default_registry
from sparx_dsl.schedule import Run
from sparx_dsl.schedule.step import Part

NOTHING = Deployable(nn.Module)
"""What is assumed of a module of which no kind states anything."""


@dataclass(frozen=True, slots=True)
class KindPart:
    """A part as one step runs it."""

    step: Run
    path: str
    module: nn.Module
    stated: Sequence[Deployable] | None
    """What the part's kind states; None where it states nothing, or the part is of no kind."""

    def of(self, module: nn.Module) -> Deployable:
        """What may be assumed of a module within the part."""
        return next((each for each in self.stated or () if each.module is type(module)), NOTHING)

    def modules(self) -> Iterator[tuple[str, nn.Module, Deployable]]:
        """The modules within the part of which something is stated, with their paths."""
        for path, module in modules_of(self.module, nn.Module, self.path):
            if self.of(module) is not NOTHING:
                yield path, module, self.of(module)


def kind_parts(backbone: Backbone) -> Iterator[KindPart]:
    """All parts, in the order in which they run."""
    graph = backbone.schedule.graph
    for step in backbone.schedule.steps:
        if isinstance(step, Run):
            path, module = step.module, backbone.get_submodule(step.module)
            if isinstance(module, TiledBatch):
                path, module = f"{path}.part", module.part
            yield KindPart(step, path, module, stated_for(graph.node(step.node), step.part))


def stated_for(node: Node, part: Part) -> Sequence[Deployable] | None:
    """What the kind of that part of a node states."""
    if part in ("dpe", "link"):
        return None
    options = node.options
    if node.settings is not None:
        layer: dict[Part, KindOptions] = {
            "fusion": node.settings.fusion,
            "mixer": node.settings.mixer,
            "ffn": node.settings.ffn,
        }
        options = layer[part]
    # A backbone may have come from a process that knew more kinds.
    kind = None if options is None else default_registry().find(part, options.kind)
    if kind is None:
        return None
    return cast("Sequence[Deployable] | None", load_facet(kind, kind.inference, "facet for inference", tuple))
