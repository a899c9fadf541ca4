"""What boxes and lanes say."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.language.base import KindOptions
from sparx_dsl.language.roles import DownsampleOptions
from sparx_dsl.registry import default_registry
from sparx_dsl.render.fold import Box, Sketch
from sparx_dsl.render.style import (
    SHAPES,
    SMALL_SIZE,
    TITLE_SIZE,
    TWO_LINES,
    Shape,
    ShapeName,
    shape_name,
    shortened,
    text_width,
)  # fmt: skip

FusedRole = Literal["mixer", "fusion"]
ROLES: Final[tuple[FusedRole, ...]] = ("mixer", "fusion")
"""The roles of which a picture says the kinds where there are several."""
LEAST_NAME, NAME_END = 10, 3
"""Letters that are left of a stage's name at least, and how many of these are its last ones."""
LAST_LINE = 11
"""Points that a third line of a label takes."""


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
    stage: str = ""
    """What the stage is called."""

    def fitted(self, width: float | None) -> Title:
        """The title in lines of at most that many points: what its stage is called is shortened first."""
        if width is None:
            return self
        placing = self.heading.removeprefix(self.stage)
        room = max(width - text_width(placing, TITLE_SIZE), text_width(self.stage[:LEAST_NAME], TITLE_SIZE))
        stage = shortened(self.stage, room, TITLE_SIZE, end=NAME_END)
        heading, details = (
            shortened(text, width, size) for text, size in ((stage + placing, TITLE_SIZE), (self.details, SMALL_SIZE))
        )
        return replace(self, heading=heading, details=details)

    @property
    def continued(self) -> Title:
        """The title of the lane in which the stage goes on."""
        return replace(self, heading=f"{self.stage}, continued", details="")


def labels(graph: ConnectionGraph, picture: Sketch) -> tuple[Label, ...]:
    """The label of every box; layers show their mixer, and fusion, where those of their stage have several."""
    mixed = {stage for stage in _stages(graph) if len(_titles(graph, "mixer", stage)) > 1}
    fused = {stage for stage in _stages(graph) if len(_titles(graph, "fusion", stage)) > 1}
    return tuple(_label(box, box.node.stage in mixed, box.node.stage in fused) for box in picture.boxes)


def titles(graph: ConnectionGraph, stages: Sequence[int] | None = None) -> tuple[Title, ...]:
    """The title of every stage's lane, or of those stages (from 1)."""
    several: Sequence[FusedRole] = [role for role in ROLES if _count(graph, role) > 1]
    return tuple(_title(graph, stage, several) for stage in stages or _stages(graph))


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


def _label(box: Box, mixed: bool, fused: bool) -> Label:
    name = shape_name(box)
    shape, node = SHAPES[name], box.node
    if name == "repeats":
        return Label(f"layers {_span(box.nodes)}\n{box.repeats} × as {_span(box.like)}", name, shape)
    if node.role != "layer":
        return Label(_resizing(node.options) if node.role == "downsample" else node.role, name, shape)
    text = f"{_span(box.nodes)}\n× {len(box.nodes)}" if name == "run" else str(node.number)
    of, settings = default_registry().of, node.layer_settings
    made = [of("fusion", settings.fusion).short_title] if fused and node.ganglion else []
    made += [of("mixer", settings.mixer).short_title] if mixed else []
    higher = TWO_LINES / 2 + (len(made) - 1) * LAST_LINE
    roomy = replace(shape, width=shape.width + TWO_LINES, height=shape.height + higher)
    return Label("\n".join((text, *made)), name, roomy if made else shape)


def _resizing(options: KindOptions | None) -> str:
    """What the box of a downsampling says: by how much it shrinks the map, or its kind where it does not."""
    stride = options.total_stride if isinstance(options, DownsampleOptions) else 1
    return f"↓ {stride}" if stride > 1 or options is None else options.kind


def _span(nodes: tuple[Node, ...]) -> str:
    first, last = nodes[0].number, nodes[-1].number
    return str(first) if first == last else f"{first}–{last}"


def _title(graph: ConnectionGraph, stage: int, several: Sequence[FusedRole]) -> Title:
    options, layers = graph.spec.stages[stage - 1], graph.layers(stage)
    ganglion = tuple(layer.number for layer in layers if layer.ganglion)
    if options.ganglion is not None:
        placing = f"ganglion layers {number_set(options.ganglion)}, M={options.M or 'all'}"
    elif options.S is not None:
        placing = f"S={options.S}, M={options.M or 'all'}"
    else:
        placing = "added links only" if ganglion else "no ganglion layers"
    height, width = layers[0].map_size(graph.spec.input.size)
    details = [f"{layers[0].channels} channels", f"{height}×{width}"]
    for role in several:
        made = _titles(graph, role, stage)
        details += made if len(made) == 1 else []
    if ganglion and options.cross_stage not in (None, "first"):
        details.append(f"cross-stage: {options.cross_stage}")
    if ganglion and options.intra == "all":
        details.append("intra: all")
    heading = stage_heading(graph, stage)
    return Title(f"{heading} · {placing}", " · ".join(details), heading)


def _stages(graph: ConnectionGraph) -> range:
    return range(1, len(graph.spec.stages) + 1)


def _count(graph: ConnectionGraph, role: FusedRole) -> int:
    """How many kinds of a role the backbone has."""
    return len({title for stage in _stages(graph) for title in _titles(graph, role, stage)})


def _titles(graph: ConnectionGraph, role: FusedRole, stage: int) -> list[str]:
    """What the mixers, or the fusions of the ganglion layers, of a stage are called, each once."""
    layers = [layer for layer in graph.layers(stage) if layer.ganglion or role == "mixer"]
    of, made = default_registry().of, [layer.layer_settings for layer in layers]
    return sorted({of(role, each.mixer if role == "mixer" else each.fusion).title for each in made})
