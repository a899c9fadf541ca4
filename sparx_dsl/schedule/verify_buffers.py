"""What must hold of a schedule's buffers and modules, checked against the graph."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from sparx_dsl.graph import Node
from sparx_dsl.language.dtypes import ITEM_BYTES
from sparx_dsl.language.kind_options import head_output
from sparx_dsl.language.roles import HeadOptions
from sparx_dsl.schedule.step import IMAGES, Free, Gather, Run
from sparx_dsl.schedule.steps import adapted_name
from sparx_dsl.schedule.values import Schedule


def verify_buffers(schedule: Schedule) -> Iterator[str]:
    """Say what is broken: shapes, bytes, the order in which features are gathered, modules that share a path.

    Every step's buffers are known by name; see ``verify_schedule``.
    """
    item = ITEM_BYTES[schedule.dtype]
    for name, buffer in schedule.buffers.items():
        if buffer.name != name:
            yield f"the buffer of {name} is named {buffer.name}"
        if buffer.bytes != math.prod(buffer.shape) * item:
            yield f"{name} of shape {buffer.shape} has {buffer.bytes} bytes, not {math.prod(buffer.shape) * item}"
    images = (schedule.batch, schedule.graph.spec.input.channels, *schedule.size)
    if schedule.buffers[IMAGES].shape != images:
        yield f"the images have the shape {schedule.buffers[IMAGES].shape}, not {images}"
    steps = [step for step in schedule.steps if not isinstance(step, Free)]
    for step in steps:
        yield from _shape(schedule, step)
        yield from _features(schedule, step)
    paths = Counter(step.module for step in steps if isinstance(step, Run))
    yield from (f"{count} steps run the module {path}" for path, count in paths.items() if count > 1)


def _shape(schedule: Schedule, step: Run | Gather) -> Iterator[str]:
    """What a step makes: the channels of its part, on the map of its node."""
    node, found = schedule.graph.node(step.node), schedule.buffers[step.output].shape
    wanted = (_channels(schedule, node, step), *node.map_size(schedule.size))
    if isinstance(node.options, HeadOptions):
        wanted = head_output(node.options, *wanted, schedule.size)
    if found != (schedule.batch, *wanted):
        yield f"{step.output} has the shape {found}, not {(schedule.batch, *wanted)}"


def _channels(schedule: Schedule, node: Node, step: Run | Gather) -> int:
    if isinstance(step, Gather):
        return sum(schedule.buffers[name].shape[1] for name in step.inputs)
    return node.site.out_channels if step.part == "fusion" else node.channels


def _features(schedule: Schedule, step: Run | Gather) -> Iterator[str]:
    """What a layer gathers, or its fusion is given where it is one feature: those of the graph, in their slots."""
    graph = schedule.graph
    if isinstance(step, Run) and (step.part != "fusion" or len(graph.features(step.node)) > 1):
        return
    edges = graph.features(step.node)
    wanted = tuple(adapted_name(edge) if graph.adapted(edge) else edge.source for edge in edges)
    found = step.inputs if isinstance(step, Gather) else step.inputs[1:]
    if found != wanted:
        yield f"{step.output} takes {', '.join(found)}, not {', '.join(wanted)}"
