"""The modules of a backbone that are of a kind, and what their kinds declare about checkpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from sparx_dsl.errors import SparxError
from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.kind import Kind, load
from sparx_dsl.kinds.checkpoint import KindCheckpoint
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.kind_options import load_facet
from sparx_dsl.language.roles import Role
from sparx_dsl.registry import default_registry


@dataclass(frozen=True, slots=True)
class KindModule:
    """One module of a kind."""

    path: str
    """Its path in the backbone; for a mixer, that of the part of the layer that it is in."""
    role: Role
    options: KindOptions
    node: Node

    @property
    def checkpoint(self) -> KindCheckpoint:
        """What its kind declares about checkpoints; nothing where the kind does not say."""
        return checkpoint_of(self.role, self.options)


def checkpoint_of(role: Role, options: KindOptions) -> KindCheckpoint:
    """What the kind to which these options belong declares about checkpoints; nothing where it does not say."""
    return _checkpoint(default_registry().of(role, options))


def checkpoints(role: Role | None = None) -> Iterator[KindCheckpoint]:
    """What all registered kinds of a role, or of any, declare about checkpoints."""
    for kind in default_registry():
        if role in (None, kind.role):
            # A kind that fails is named where a model has it.
            with contextlib.suppress(SparxError):
                yield _checkpoint(kind)


def _checkpoint(kind: Kind) -> KindCheckpoint:
    return load_facet(kind, kind.checkpoint, "names in checkpoints", KindCheckpoint) or KindCheckpoint()


def kind_modules(graph: ConnectionGraph) -> Iterator[KindModule]:
    """The modules of all kinds in a backbone, in the order of its nodes."""
    for node in graph.nodes:
        if node.role != "layer":
            if node.options is not None:
                yield KindModule(node.name, node.role, node.options, node)
            continue
        settings = node.layer_settings
        yield KindModule(f"{node.name}.mixer", "mixer", settings.mixer, node)
        if node.ganglion:
            yield KindModule(f"{node.name}.fusion.fusion", "fusion", settings.fusion, node)
        yield KindModule(f"{node.name}.ffn.ffn", "ffn", settings.ffn, node)


@dataclass(frozen=True, slots=True)
class KindModules:
    """The modules of all kinds in a backbone, by the tensors within them."""

    by_path: dict[str, KindModule]

    @classmethod
    def of(cls, graph: ConnectionGraph) -> KindModules:
        """Those of a graph."""
        return cls({module.path: module for module in kind_modules(graph)})

    def locate(self, tensor: str) -> tuple[KindModule, str] | None:
        """The module that a tensor is in, and its path within; None where it is in a part that is no kind."""
        parts = tensor.split(".")
        for length in range(1, len(parts)):
            module = self.by_path.get(".".join(parts[:length]))
            if module is not None:
                return module, ".".join(parts[length:])
        return None

    def resized(self, tensor: str, found: Tensor, target: Tensor) -> tuple[Tensor, str] | None:
        """The values that a tensor takes over from one of another shape, and how; None where it does not."""
        located = self.locate(tensor)
        resizing = None if located is None else located[0].checkpoint.resized.get(located[1])
        value: Tensor | None = None if resizing is None else load(resizing.function)(found, tuple(target.shape))
        return None if resizing is None or value is None else (value, resizing.how)

    def counts_classes(self, tensor: str) -> bool:
        """Whether the first dimension of a tensor is the number of classes."""
        located = self.locate(tensor)
        return located is not None and located[1].rpartition(".")[0] in located[0].checkpoint.class_modules
