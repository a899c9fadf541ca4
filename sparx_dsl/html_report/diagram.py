"""The diagram of a graph, to be looked at closely: its picture, and over it what can be pointed at."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.curves import Curve, Point, number
from sparx_dsl.render.figure import Figure, figure
from sparx_dsl.render.fold import Box
from sparx_dsl.render.look import Look
from sparx_dsl.render.marks import drawing
from sparx_dsl.render.matrix import matrix
from sparx_dsl.render.picture import make_picture
from sparx_dsl.render.svg import svg

MOST_NODES = 120
"""Graphs of more nodes are drawn with their repeats folded."""
MOST_CELLS = 600
"""Graphs of more connections have no matrix on the page."""
PAPER = 174.0
"""The width of a saved figure, in mm: two columns."""
REACH = 3.0
"""Points by which the place that can be pointed at is larger than its box."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A box of the picture as a place to point at: its corner and sides in points, and the nodes that it stands for."""

    place: int
    nodes: tuple[str, ...]
    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Wire:
    """An arrow of the picture, by the places of its boxes, as the path of an SVG."""

    source: int
    target: int
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands in an SVG, and the part of the plane that it fills."""

    marks: Markup
    view: str


@dataclass(frozen=True, slots=True)
class Diagram:
    """The picture's own marks, the part of the plane that they fill, and what lies over them."""

    name: str
    marks: Markup
    view: str
    width: float
    height: float
    spots: tuple[Spot, ...]
    wires: tuple[Wire, ...]
    folded: bool
    file: str
    """The address of the picture as a file for two columns of a paper, which holds all of it."""


def diagram(graph: ConnectionGraph) -> Diagram:
    """The picture of a graph; repeats are drawn once where there are many nodes."""
    folded = len(graph.nodes) > MOST_NODES
    picture, text = _drawn(graph, folded)
    found = _marks(text)
    *_, width, height = map(float, found.view.split())
    arcs = zip(picture.sketch.arcs, picture.curves, strict=True)
    wires = tuple(Wire(arc.source, arc.target, arc.kind, _path(curve)) for arc, curve in arcs)
    return Diagram(
        graph.spec.name, found.marks, found.view, width, height, tuple(_spots(graph, picture)), wires, folded,
        _address(make_picture(graph, Look(fold=folded, width=PAPER)).svg),
    )  # fmt: skip


def connection_matrix(graph: ConnectionGraph) -> Marks | None:
    """What reads what as a matrix, in which no arrow covers another; None where there is too much to show."""
    return _marks(svg(matrix(graph, Look()))) if len(graph.edges) <= MOST_CELLS else None


def _address(text: str) -> str:
    """A data URL of an SVG, which a link can save."""
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode('ascii')}"


def _marks(text: str) -> Marks:
    """What stands between the outermost tags of an SVG; in an attribute, ">" would be escaped."""
    view = ElementTree.fromstring(text).get("viewBox", "")  # noqa: S314 (it is our own)
    return Marks(Markup(text.partition(">")[2].rpartition("</svg>")[0]), view)  # noqa: S704 (ElementTree escapes)


def _drawn(graph: ConnectionGraph, folded: bool) -> tuple[Figure, str]:
    """The picture in its places, and the text of its SVG."""
    look = Look(fold=folded)
    picture = figure(graph, look)
    return picture, svg(drawing(picture, look))


def _spots(graph: ConnectionGraph, picture: Figure) -> Iterator[Spot]:
    boxes = zip(picture.sketch.boxes, picture.layout.boxes, strict=True)
    for place, (box, placed) in enumerate(boxes):
        shape = placed.label.shape
        across, upward = shape.reach + REACH, shape.height / 2 + shape.extra + REACH
        nodes = tuple(node.name for node in box.nodes)
        yield Spot(place, nodes, _label(graph, box), placed.x - across, -placed.y - upward, 2 * across, 2 * upward)


def _label(graph: ConnectionGraph, box: Box) -> str:
    """What is read aloud for a box: what it is, and what it reads."""
    names = [node.name for node in box.nodes]
    shown = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    what = "ganglion layer" if box.node.ganglion else "normal layer" if box.node.role == "layer" else box.node.role
    read = [edge.source for edge in graph.features(box.node.name)] if len(names) == 1 else []
    return f"{shown}, {what}" + (f", reads {', '.join(read)}" if read else "")


def _path(curve: Curve) -> str:
    """The curve's way to its tip, with the pieces that come before it where it is broken."""
    return "".join(map(_piece, (*curve.before, (*curve.points, curve.tip))))


def _piece(points: Sequence[Point]) -> str:
    """A start and three points for each cubic piece, and a straight end where one point is left over."""
    first, *rest = [f"{number(x)},{number(-y)}" for x, y in points]
    curved = len(rest) // 3 * 3
    pieces = [f"C{' '.join(rest[start : start + 3])}" for start in range(0, curved, 3)]
    return f"M{first}{''.join(pieces)}{''.join(f'L{end}' for end in rest[curved:])}"
