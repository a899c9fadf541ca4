"""The parts of a backbone, each with what its kind states for deployment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.inference.deployment import Deployment, ModuleFacts
from sparx_dsl.inference.passes.base import modules_of
from sparx_dsl.inference.tiled_batch import TiledBatch
from sparx_dsl.kind import Kind
from sparx_dsl.language.kind_options import fault_of, load_facet
from sparx_dsl.lowering.backbone import Backbone
from sparx_dsl.lowering.kind_modules import kind_of_step
from sparx_dsl.schedule import Run


@dataclass(frozen=True, slots=True)
class KindPart:
    """A part as one step runs it; ``kind`` and ``deployment`` are None where no kind states anything about it."""

    step: Run
    path: str
    module: nn.Module
    kind: Kind | None
    deployment: Deployment | None

    def facts(self, module: nn.Module) -> ModuleFacts:
        """What may be assumed of a module within the part."""
        stated = None if self.deployment is None else self.deployment.modules.get(type(module))
        return ModuleFacts() if stated is None else stated

    def product(self, module: nn.Module, name: str) -> nn.Module | None:
        """The product that facts name; None for an empty name. Raises ``SparxError`` (SPX413) where there is none."""
        try:
            return module.get_submodule(name) if name else None
        except AttributeError as error:
            assert self.kind is not None
            message = f"the deployment of {self.kind} names {name}, which {type(module).__name__} does not have"
            raise SparxError(Diagnostic(Code.INVALID_KIND_FACET, message, help=fault_of(self.kind))) from error

    def modules(self) -> Iterator[tuple[str, nn.Module, ModuleFacts]]:
        """The modules within the part, with their paths and what may be assumed of each."""
        for path, module in modules_of(self.module, nn.Module, self.path):
            yield path, module, self.facts(module)


def kind_parts(backbone: Backbone) -> Iterator[KindPart]:
    """All parts, in the order in which they run; raises ``SparxError`` (SPX413) for a broken facet of a kind."""
    for step in backbone.schedule.steps:
        if isinstance(step, Run):
            path, module = step.module, backbone.get_submodule(step.module)
            if isinstance(module, TiledBatch):
                path, module = f"{path}.part", module.part
            found = kind_of_step(backbone.schedule, step)
            kind = None if found is None else found[0]
            stated = None if kind is None else load_facet(kind, kind.inference, "deployment", Deployment)
            yield KindPart(step, path, module, kind, stated)
