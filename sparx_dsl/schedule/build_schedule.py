"""From a connection graph to a schedule for one size, batch and dtype."""

from __future__ import annotations

import math

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.language.dtypes import DType
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.kind_options import head_output
from sparx_dsl.language.roles import HeadOptions
from sparx_dsl.schedule.lifetime import with_frees
from sparx_dsl.schedule.outputs import Features, output_nodes
from sparx_dsl.schedule.request import checked_request
from sparx_dsl.schedule.step import IMAGES, Gather, Run
from sparx_dsl.schedule.steps import steps_of
from sparx_dsl.schedule.values import Buffer, Schedule
from sparx_dsl.schedule.verify import verified


def plan(
    graph: ConnectionGraph,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    dtype: DType = "float32",
    features: Features | None = None,
) -> Schedule:
    """Order the steps and fix every buffer's life.

    ``size`` is the image's (height, width) in pixels, by default the spec's. With ``features`` the outputs are those
    maps, in that order, and nothing after the last of them runs: of stages, by their numbers from 1, or from -1 for
    the last, or by their names; of layers (``stage3.layer4``) and of the ``stem``; and ``head`` for its result. A dtype
    of torch stands for its name. Raises ``SparxError`` for features that the backbone lacks, and for a size, batch or
    dtype that cannot be.
    """
    wanted = checked_request(graph.spec, size, batch, dtype, features)
    size, batch, dtype = wanted.size, wanted.batch, wanted.dtype
    outputs = (graph.nodes[-1].name,)
    if wanted.features is not None:
        outputs = tuple(output_nodes(graph.spec, wanted.features))
    steps = tuple(steps_of(graph, _up_to(graph, outputs)))
    buffers = FrozenDict(_buffers(graph, steps, size, batch, wanted.item_bytes))
    steps = with_frees(steps, (IMAGES,), outputs)
    return verified(Schedule(graph, size, batch, dtype, steps, buffers, outputs, wanted.features))


def replanned(schedule: Schedule, graph: ConnectionGraph) -> Schedule:
    """The schedule of another graph for the same images, dtype and outputs; raises ``SparxError``."""
    return plan(graph, schedule.size, schedule.batch, schedule.dtype, schedule.features)


def _up_to(graph: ConnectionGraph, outputs: tuple[str, ...]) -> tuple[Node, ...]:
    """The nodes up to the last that gives one of the outputs."""
    last = max(place for place, node in enumerate(graph.nodes) if node.name in outputs)
    return graph.nodes[: last + 1]


def _buffers(
    graph: ConnectionGraph, steps: tuple[Run | Gather, ...], size: tuple[int, int], batch: int, item: int
) -> dict[str, Buffer]:
    buffers = {IMAGES: _buffer(IMAGES, (batch, graph.spec.input.channels, *size), item)}
    for step in steps:
        node = graph.node(step.node)
        shape = (_channels(node, step, buffers), *node.map_size(size))
        if isinstance(node.options, HeadOptions):
            shape = head_output(node.options, *shape, size)
        buffers[step.output] = _buffer(step.output, (batch, *shape), item)
    return buffers


def _channels(node: Node, step: Run | Gather, buffers: dict[str, Buffer]) -> int:
    if isinstance(step, Gather):
        return sum(buffers[name].shape[1] for name in step.inputs)
    return node.site.out_channels if step.part == "fusion" else node.channels


def _buffer(name: str, shape: tuple[int, ...], item: int) -> Buffer:
    return Buffer(name, shape, math.prod(shape) * item)
