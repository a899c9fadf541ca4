"""What reads what as a matrix: one row and one column for each node, for models whose arcs would cover each other.

The nodes stand on the diagonal. A mark says that the node to its right reads the node above it; its shape and colour
say in which way. Stages are framed, and nothing is folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sparx_dsl.graph import ConnectionGraph, Node
from sparx_dsl.render.drawing import Drawing, Mark, Paint, Point, Polygon, Rectangle, Stroke, Text
from sparx_dsl.render.fold import Box, LineKind, connections
from sparx_dsl.render.labels import Title, titles
from sparx_dsl.render.legend import SHAPE_TEXTS
from sparx_dsl.render.look import POINTS_PER_MM, Look
from sparx_dsl.render.marks import bottom_of, box, moved, right_of
from sparx_dsl.render.style import (
    FAINT,
    INK,
    LANE_FILL,
    LANE_LINE,
    LAYER_SIZE,
    LINES,
    SHAPES,
    SMALL_SIZE,
    TITLE_SIZE,
    Shape,
    ShapeName,
    shape_name,
    text_lines,
    text_width,
)  # fmt: skip
from sparx_dsl.render.wrap import title_width

CELL = 18.0
"""The side of a cell, where the page is wide enough."""
LEAST_CELL = 5.0
NAMED_CELL = 8.0
"""Titles are shortened where they would make cells smaller than this, but to no less than a third of the page."""
TITLE_GAP = 8.0
"""Between the frame of a stage and its title."""
TWO_LINES = 29.0
"""Frames from this height on have room for both lines of a title."""
LABELLED = 12.0
"""Cells from this side on have the number of every layer; beside smaller ones is every fifth."""
PAD = 6.0
ENTRY = 20.0
"""The height of a line of the legend."""


def matrix(graph: ConnectionGraph, look: Look) -> Drawing:
    """The marks of the matrix; raises ``SparxError`` (SPX514) for stages that are not there."""
    stages = look.shown(graph)
    nodes = [node for node in graph.nodes if node.stage in stages]
    wanted = look.points(SMALL_SIZE)
    heads = _titles(graph, stages, nodes, wanted)
    side = CELL if wanted is None else _side(heads, nodes, wanted - 2 * PAD)
    marks = [*_stages(heads, nodes, side), *_diagonal(nodes, side), *_cells(graph, nodes, side)]
    if look.legend:
        marks += _legend(graph, nodes, side, wanted)
    top = PAD
    if look.title is not None:
        rows = text_lines(look.title, None if wanted is None else wanted - 2 * PAD, TITLE_SIZE + 2)
        for number, row in enumerate(reversed(rows)):
            marks.append(Text(row, 0.0, PAD + 8 + 18 * number, TITLE_SIZE + 2, INK))
        top += 28 + 18 * (len(rows) - 1)
    right = max(right_of(mark) for mark in marks) + PAD
    bottom = min(bottom_of(mark) for mark in marks) - PAD
    spare = max(0.0, (wanted or 0.0) - right - PAD) / 2
    scale = 1.0 if look.width is None else look.width * POINTS_PER_MM / (right + PAD + 2 * spare)
    return Drawing(
        look.title or graph.spec.name, -PAD - spare, bottom, right + spare, top, tuple(marks), scale=scale,
        font=look.font,
    )  # fmt: skip


def _titles(graph: ConnectionGraph, stages: Sequence[int], nodes: list[Node], wanted: float | None) -> dict[int, Title]:
    """The title of each stage, for which there is room beside cells of the least size."""
    found = dict(zip(stages, titles(graph, stages), strict=True))
    if wanted is None:
        return found
    room = {stage: wanted - 2 * PAD - TITLE_GAP - _cells_before(stage, nodes) * NAMED_CELL for stage in stages}
    return {stage: title.fitted(max(wanted / 3, room[stage])) for stage, title in found.items()}


def _cells_before(stage: int, nodes: list[Node]) -> int:
    """How many cells stand to the left of a stage's title."""
    return max(place for place, node in enumerate(nodes) if node.stage == stage) + 1


def _side(heads: Mapping[int, Title], nodes: list[Node], width: float) -> float:
    """The side of a cell, so that the matrix and the titles beside it are no wider than the page."""
    side = min(CELL, width / len(nodes))
    for stage, title in heads.items():
        side = min(side, (width - TITLE_GAP - title_width(title)) / _cells_before(stage, nodes))
    return max(LEAST_CELL, side)


def _stages(heads: Mapping[int, Title], nodes: list[Node], side: float) -> Iterator[Mark]:
    """A frame around what is inside a stage, and its title to the right of that."""
    for stage, title in heads.items():
        own = [place for place, node in enumerate(nodes) if node.stage == stage]
        left, width = own[0] * side, len(own) * side
        yield Rectangle(left, -left - width, width, width, 0.0, Paint(LANE_FILL, LANE_LINE))
        yield Text(title.heading, left + width + TITLE_GAP, -left - 12, TITLE_SIZE, INK)
        if width >= TWO_LINES:
            yield Text(title.details, left + width + TITLE_GAP, -left - 27, SMALL_SIZE, FAINT)


def _diagonal(nodes: list[Node], side: float) -> Iterator[Mark]:
    for place, node in enumerate(nodes):
        middle = ((place + 0.5) * side, -(place + 0.5) * side)
        size = side * 0.88
        yield from box(_slim(shape_name(Box((node,)))), middle, size, size * (0.86 if node.ganglion else 0.8))
        if node.role != "layer":
            continue
        if side >= LABELLED:
            height = min(LAYER_SIZE - 1, side * 0.6)
            yield Text(str(node.number), middle[0], middle[1] - height * 0.35, height, INK, "middle")
        elif node.number % 5 == 0:
            yield Text(str(node.number), middle[0] + side * 0.8, middle[1] - 3.5, SMALL_SIZE, FAINT)


def _slim(name: ShapeName) -> Shape:
    """The shape of a box with a thin outline."""
    shape = SHAPES[name]
    return replace(shape, attributes={**shape.attributes, "penwidth": "0.8"})


def _cells(graph: ConnectionGraph, nodes: list[Node], side: float) -> Iterator[Mark]:
    place = {node.name: index for index, node in enumerate(nodes)}
    for source, target, kind in connections(graph):
        if source in place and target in place:
            yield from _mark(kind, ((place[source] + 0.5) * side, -(place[target] + 0.5) * side), side)


def _mark(kind: LineKind, middle: Point, side: float) -> Iterator[Mark]:
    """The mark of a kind of connection in a cell."""
    (x, y), h = middle, side * 0.32
    colour = LINES[kind].attributes["color"]
    solid, hollow = Paint(colour), Paint("white", colour, f"{side / 12:.2f}")
    match kind:
        case "feed":
            yield Rectangle(x - h / 2, y - h / 2, h, h, h / 2, solid)
        case "intra":
            yield Rectangle(x - h, y - h, 2 * h, 2 * h, h, solid)
        case "inter":
            yield Rectangle(x - h, y - h, 2 * h, 2 * h, 0.0, solid)
        case "cross_stage":
            yield Polygon(((x - h * 1.2, y), (x, y + h * 1.2), (x + h * 1.2, y), (x, y - h * 1.2)), solid)
        case "added":
            yield Polygon(((x - h, y - h * 0.9), (x + h, y - h * 0.9), (x, y + h)), solid)
        case "tap":
            yield Rectangle(x - h, y - h, 2 * h, 2 * h, h, hollow)
        case "cut":
            for slope in (1, -1):
                ends = ((x - h, y - slope * h), (x + h, y + slope * h))
                yield Stroke((ends[0], ends[0], ends[1], ends[1]), hollow)


NAMES: Mapping[ShapeName, str] = {"stem": "stem", **SHAPE_TEXTS, "head": "head"}
MEANINGS: Mapping[LineKind, str] = {**{kind: line.name for kind, line in LINES.items()}, "feed": "fed by"}


def _legend(graph: ConnectionGraph, nodes: list[Node], side: float, wanted: float | None) -> Iterator[Mark]:
    """The shapes and marks that occur, and how to read them, below the matrix."""
    shown = {node.name for node in nodes}
    kinds = {kind for source, target, kind in connections(graph) if {source, target} <= shown}
    used = {shape_name(Box((node,))) for node in nodes}
    width, y, x = max(len(nodes) * side, (wanted or 420) - 2 * PAD), -len(nodes) * side - ENTRY, 0.0
    yield Text("A mark: the layer to its right reads the layer above it.", x, y - 3, SMALL_SIZE, FAINT)
    y -= ENTRY
    samples = [(list(_sample(name, (8.0, 0.0))), text) for name, text in NAMES.items() if name in used]
    samples += [(list(_mark(kind, (8.0, 0.0), CELL)), MEANINGS[kind]) for kind in LINES if kind in kinds]
    for sample, text in samples:
        ahead = 22 + text_width(text, SMALL_SIZE)
        if x and x + ahead > width:
            x, y = 0.0, y - ENTRY
        yield from (moved(mark, (x, y)) for mark in sample)
        yield Text(text, x + 20, y - 3.5, SMALL_SIZE, INK)
        x += ahead + 12


def _sample(name: ShapeName, middle: Point) -> Iterator[Mark]:
    return box(_slim(name), middle, 16, 13)
