"""A picture as DOT text with positions, which Graphviz only draws: ``dot -Kneato -n2 -Tpdf figure.dot``.

The text is the same for equal graphs. Ids are generated (``n0`` …), so that no text of a user's is ever more than an
attribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparx_dsl.errors.escape import visible
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.curves import number, straight
from sparx_dsl.render.figure import PAD, Figure, figure
from sparx_dsl.render.fold import Box
from sparx_dsl.render.layout import Placed
from sparx_dsl.render.legend import SAMPLE, Entry, sample_size
from sparx_dsl.render.look import Look
from sparx_dsl.render.style import (
    ARROW,
    FONT,
    INK,
    LANE_FILL,
    LANE_LINE,
    LAYER_SIZE,
    LINES,
    Shape,
    label_size,
    text_width,
)

if TYPE_CHECKING:
    from graphviz import Digraph


def dot(graph: ConnectionGraph, look: Look | None = None) -> str:
    """The DOT text of a graph's picture: one lane for each stage, layers from left to right.

    Where the look folds, runs of equal normal layers and repeats of a block are one box each (the rule: ``fold.py``);
    where not, there is one box for each node, and one edge for each edge and each link that is cut. Raises
    ``SparxError`` (SPX514) for stages that are not there.
    """
    look = look or Look()
    return _digraph(figure(graph, look), look.font or FONT).source


def _digraph(picture: Figure, font: str) -> Digraph:
    """The picture as Graphviz takes it."""
    import graphviz

    box = f"{number(picture.left)},{number(picture.bottom)},{number(picture.right)},0"
    whole = {"layout": "neato", "inputscale": "72", "outputorder": "nodesfirst", "bgcolor": "white", "bb": box}
    node = {"fixedsize": "true", "margin": "0", "fontname": font, "fontsize": str(LAYER_SIZE), "fontcolor": INK}
    drawn = graphviz.Digraph(
        "sparx", comment="draw with: dot -Kneato -n2", engine="neato", node_attr=node,
        graph_attr={**whole, "pad": str(PAD / 72)}, edge_attr={"arrowsize": str(ARROW)},
    )  # fmt: skip
    _add_lanes(drawn, picture)
    for index, words in enumerate(picture.words):
        width = text_width(words.text, words.size)
        frame = _frame(words.left + width / 2, words.middle, width, words.size + 4)
        label = f"{escaped(words.text)}\\l"
        drawn.node(f"t{index}", label, shape="plaintext", fontsize=str(words.size), fontcolor=words.colour, **frame)
    for kind, line in LINES.items():
        for arc, curve in zip(picture.sketch.arcs, picture.curves, strict=True):
            if arc.kind == kind:
                drawn.edge(f"n{arc.source}", f"n{arc.target}", pos=str(curve), **line.attributes)
    for index, entry in enumerate(picture.entries):
        _add_sample(drawn, f"k{index}", entry)
    return drawn


def escaped(text: str) -> str:
    r"""A label that Graphviz shows letter for letter: no ``\N``, no ``&lt;``, no HTML; line breaks stay."""
    import graphviz

    lines = (graphviz.escape(visible(line).replace("&", "&amp;")) for line in text.split("\n"))
    return graphviz.nohtml("\\n".join(lines))


def _add_lanes(drawn: Digraph, picture: Figure) -> None:
    """The lanes with their boxes."""
    boxes = list(zip(picture.sketch.boxes, picture.layout.boxes, strict=True))
    for stage, lane in enumerate(picture.layout.lanes):
        bounds = ",".join(number(side) for side in (lane.left, lane.bottom, lane.right, lane.top))
        with drawn.subgraph(name=f"cluster_{stage}") as inner:
            inner.attr("graph", bb=bounds, label="", style="rounded,filled", fillcolor=LANE_FILL, color=LANE_LINE)
            for index, (box, placed) in enumerate(boxes):
                if placed.lane == stage:
                    inner.node(f"n{index}", escaped(placed.label.text), **_box(box, placed))


def _box(box: Box, placed: Placed) -> dict[str, str]:
    shape = placed.label.shape
    names = box.node.name if len(box.nodes) == 1 else f"{box.nodes[0].name} to {box.nodes[-1].name}"
    size = {"fontsize": str(label_size(placed.label.text, box)), "comment": escaped(names)}
    return {**shape.attributes, **size, **_frame(placed.x, placed.y, shape.width, shape.height)}


def _add_sample(drawn: Digraph, name: str, entry: Entry) -> None:
    """A sample of the legend; an edge's runs between two points."""
    if isinstance(entry.sample, Shape):
        frame = _frame(entry.x + SAMPLE / 2, entry.y, *sample_size(entry.sample))
        drawn.node(name, "", **entry.sample.attributes, **frame)
        return
    ends = ((name, entry.x), (f"{name}e", entry.x + SAMPLE))
    for end, x in ends:
        drawn.node(end, "", shape="point", style="invis", **_frame(x, entry.y, 0.72, 0.72))
    curve = straight((ends[0][1], entry.y), (ends[1][1], entry.y))
    drawn.edge(name, f"{name}e", pos=str(curve), **entry.sample.attributes)


def _frame(x: float, y: float, width: float, height: float) -> dict[str, str]:
    """Position in points, width and height (given in points) in inches."""
    return {"pos": f"{number(x)},{number(y)}!", "width": f"{width / 72:.4f}", "height": f"{height / 72:.4f}"}
