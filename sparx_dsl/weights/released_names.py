"""This project's tensors in the checkpoints of released models: their names and shapes, and what those do not show.

One direction only, from ours to theirs: what a file holds beyond that has no place in the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.kinds.checkpoint import ReleasedFormat, ReleasedNames, Shape, other_norm
from sparx_dsl.registry import default_registry
from sparx_dsl.weights.formats import RELEASED_LAYERS, ReleasedLayers
from sparx_dsl.weights.kind_modules import kind_modules


@dataclass(frozen=True, slots=True)
class ReleasedTensor:
    """What a tensor is called in a checkpoint, and its shape there."""

    name: str
    shape: Shape


def released_tensors(
    format: ReleasedFormat, graph: ConnectionGraph, shapes: Mapping[str, Shape]
) -> dict[str, ReleasedTensor | None]:
    """What each tensor of a backbone (name → shape) is in that format; None for what the format has no name for."""
    names: dict[str, str] = {}
    changed: dict[str, Callable[[Shape], Shape]] = {}
    if ending := RELEASED_LAYERS[format].end_norm:
        ends = (node for node in graph.layers() if node.layer_settings.end_norm)
        names |= {f"{node.name}.norm": f"{_stage(format, node.stage)}.{ending}" for node in ends}
    for path, scope, found in _parts(format, graph):
        names |= {f"{path}.{ours}": f"{scope}{theirs}" for ours, theirs in found.names.items()}
        changed |= {f"{path}.{ours}": shape for ours, shape in found.shapes.items()}
    tensors: dict[str, ReleasedTensor | None] = {}
    for name, shape in shapes.items():
        found = _looked_up(names, name)
        theirs = changed[name](shape) if name in changed else shape
        tensors[name] = None if found is None else ReleasedTensor(found, theirs)
    return tensors


def released_scope(format: ReleasedFormat, node: Node) -> str:
    """What precedes the names of a node's tensors in the checkpoints of that format."""
    match node.role:
        case "layer":
            return f"{_stage(format, node.stage)}.blocks.{node.number - 1}."
        case "downsample":
            return f"{_stage(format, node.stage - (not RELEASED_LAYERS[format].opened))}.downsample."
        case _:
            return ""


def _stage(format: ReleasedFormat, stage: int) -> str:
    """What the stage of that number, from 1, is called."""
    return f"{RELEASED_LAYERS[format].stages}.{stage - 1}"


def _parts(format: ReleasedFormat, graph: ConnectionGraph) -> Iterator[tuple[str, str, ReleasedLayers | ReleasedNames]]:
    """The parts of a backbone that the format has names for: our path, what precedes the names there, the names."""
    for node in graph.layers():
        yield node.name, released_scope(format, node), RELEASED_LAYERS[format]
    for module in kind_modules(graph):
        found = module.checkpoint.released.get(format)
        if found is not None:
            yield module.path, released_scope(format, module.node), found


def _looked_up(names: Mapping[str, str], name: str) -> str | None:
    if name in names:
        return names[name]
    module, _, leaf = name.rpartition(".")
    return f"{names[module]}.{leaf}" if module in names else None


def other_settings(format: ReleasedFormat, graph: ConnectionGraph) -> Iterator[str]:
    """Where a backbone computes otherwise than the released models, though names and shapes do not show it."""
    norm = RELEASED_LAYERS[format].norm
    for module in kind_modules(graph):
        node = module.node
        # The mixer is the first kind of a layer.
        found = [other_norm(node.layer_settings.norm, norm)] if module.role == "mixer" else []
        released = module.checkpoint.released.get(format)
        if released is not None and released.difference is not None:
            found.append(released.difference(module.options, node.number))
        yield from (f"{node.name} {text}" for text in found if text is not None)


def other_kinds(format: ReleasedFormat, graph: ConnectionGraph) -> Iterator[str]:
    """The kinds of a backbone that no released model of that format has, tensors or not."""
    for module in kind_modules(graph):
        runs = default_registry().of(module.role, module.options).runs
        if runs and format not in module.checkpoint.released:
            yield f"{module.node.name} has the {module.role} {module.options.kind}, and no released model has"
