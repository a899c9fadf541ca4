"""What the checkpoints of released models hold beyond weights: tensors that this project computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sparx_dsl.errors import Code, Diagnostic, Where
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.kind import load
from sparx_dsl.kinds.checkpoint import ComputedBuffers, ReleasedFormat
from sparx_dsl.weights.formats import Format
from sparx_dsl.weights.kind_modules import checkpoints, kind_modules
from sparx_dsl.weights.released_names import released_scope
from sparx_dsl.weights.tensor_lists import listed


def computed_names(format: Format, names: Mapping[str, object]) -> tuple[str, ...]:
    """Those names of a checkpoint that are of buffers that are computed here, and so are not loaded."""
    kinds = [] if format == "sparx_dsl" else _of_format(format)
    suffixes = tuple(f".{suffix}" for buffers in kinds for suffix in buffers.names)
    return tuple(name for name in names if name.endswith(suffixes))


def computed_buffers(format: ReleasedFormat, graph: ConnectionGraph, dtype: torch.dtype) -> dict[str, Tensor]:
    """The buffers of a checkpoint, by their names there, in the shapes of the spec's image size.

    Those of floats are in ``dtype``.
    """
    found: dict[str, Tensor] = {}
    for module in kind_modules(graph):
        released = module.checkpoint.released.get(format)
        if released is not None and released.buffers is not None:
            size = module.node.map_size(graph.spec.input.size)
            values: Mapping[str, Tensor] = load(released.buffers.compute)(module.options, module.node.number, size)
            for name, value in values.items():
                value = value.to(dtype) if value.is_floating_point() else value
                found[released_scope(format, module.node) + name] = value
    return found


def other_buffers(
    format: Format, state: Mapping[str, Tensor], names: tuple[str, ...], where: Where
) -> Iterator[Diagnostic]:
    """Buffers, of any shape, that are not what is computed here: the weights beside them would be read otherwise."""
    for buffers in [] if format == "sparx_dsl" else _of_format(format):
        suffixes = tuple(f".{suffix}" for suffix in buffers.names)
        own = [name for name in names if name.endswith(suffixes)]
        odd = [name for name in own if not load(buffers.check)(name, state[name])]
        if odd:
            yield listed(Code.POSITION_INDICES_DIFFER, buffers.other, odd, where, buffers.help)


def _of_format(format: ReleasedFormat) -> list[ComputedBuffers]:
    released = [checkpoint.released.get(format) for checkpoint in checkpoints()]
    return [found.buffers for found in released if found is not None and found.buffers is not None]
