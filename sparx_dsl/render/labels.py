"""What boxes and lanes say."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.registry import default_registry
from sparx_dsl.render.fold import Box, Sketch
from sparx_dsl.render.style import SHAPES, TWO_LINES, Shape, ShapeName, shape_name


@dataclass(frozen=True, slots=True)
class Label:
    """A box's text, and its shape with room for that text."""

    text: str
    name: ShapeName
    shape: Shape


@dataclass(frozen=True, slots=True)
class Title:
    """A lane's two lines."""

    heading: str
    details: str


def labels(graph: ConnectionGraph, picture: Sketch) -> tuple[Label, ...]:
    """The label of every box; layers show their mixer where the layers of their stage have several."""
    mixed = {stage for stage in _stages(graph) if len(_mixers(graph, stage)) > 1}
    return tuple(_label(box, box.node.stage in mixed) for box in picture.boxes)


def titles(graph: ConnectionGraph) -> tuple[Title, ...]:
    """The title of every stage's lane."""
    several = len({kind for stage in _stages(graph) for kind in _mixers(graph, stage)}) > 1
    return tuple(_title(graph, stage, several) for stage in _stages(graph))


def number_set(numbers: tuple[int, ...]) -> str:
    """Layer numbers in few characters: ``1, 3, 5, 7``, ``1–24``, or ``2, 4, …, 40`` for a long even progression."""
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}–{numbers[-1]}"
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    if len(numbers) > 7 and len(steps) == 1:
        return f"{numbers[0]}, {numbers[1]}, …, {numbers[-1]}"
    return ", ".join(map(str, numbers))


def stage_heading(graph: ConnectionGraph, stage: int) -> str:
    """``Stage 3`` (1-based), or the name that the spec gives the stage."""
    name = graph.spec.stages[stage - 1].name
    return name or f"Stage {stage}"


def _label(box: Box, mixed: bool) -> Label:
    name = shape_name(box)
    shape, node = SHAPES[name], box.node
    if name == "repeats":
        return Label(f"layers {_span(box.nodes)}\n{box.repeats} × as {_span(box.like)}", name, shape)
    if name == "run":
        text = f"{_span(box.nodes)}\n× {len(box.nodes)}"
        return _with_mixer(text, node, name, shape) if mixed else Label(text, name, shape)
    if node.role == "layer":
        return _with_mixer(str(node.number), node, name, shape) if mixed else Label(str(node.number), name, shape)
    return Label("↓ 2" if node.role == "downsample" else node.role, name, shape)


def _with_mixer(text: str, node: Node, name: ShapeName, shape: Shape) -> Label:
    mixer = default_registry().of("mixer", node.layer_settings.mixer).short_title
    roomy = replace(shape, width=shape.width + TWO_LINES, height=shape.height + TWO_LINES / 2)
    return Label(f"{text}\n{mixer}", name, roomy)


def _span(nodes: tuple[Node, ...]) -> str:
    first, last = nodes[0].number, nodes[-1].number
    return str(first) if first == last else f"{first}–{last}"


def _title(graph: ConnectionGraph, stage: int, several_mixers: bool) -> Title:
    options, layers = graph.spec.stages[stage - 1], graph.layers(stage)
    mixers = _mixers(graph, stage)
    ganglion = tuple(layer.number for layer in layers if layer.ganglion)
    if options.ganglion is not None:
        placing = f"ganglion layers {number_set(options.ganglion)}, M={options.M or 'all'}"
    elif options.S is not None:
        placing = f"S={options.S}, M={options.M or 'all'}"
    else:
        placing = "added links only" if ganglion else "no ganglion layers"
    height, width = layers[0].map_size(graph.spec.input.size)
    details = [f"{layers[0].channels} channels", f"{height}×{width}"]
    own = default_registry().of("mixer", layers[0].layer_settings.mixer)
    details += [own.title] if several_mixers and len(mixers) == 1 else []
    if ganglion and options.cross_stage not in (None, "first"):
        details.append(f"cross-stage: {options.cross_stage}")
    if ganglion and options.intra == "all":
        details.append("intra: all")
    return Title(f"{stage_heading(graph, stage)} · {placing}", " · ".join(details))


def _stages(graph: ConnectionGraph) -> range:
    return range(1, len(graph.spec.stages) + 1)


def _mixers(graph: ConnectionGraph, stage: int) -> list[str]:
    return sorted({layer.layer_settings.mixer.kind for layer in graph.layers(stage)})
