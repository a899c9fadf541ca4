"""A connection graph as DOT text, laid out for a figure.

Positions are ours (``layout.py``, ``arcs.py``), Graphviz only draws them: ``dot -Kneato -n2 -Tsvg figure.dot``. The
text is the same for equal graphs. Ids are generated (``n0`` …), so that no text of a user's is ever more than an
attribute.
"""

from __future__ import annotations

from collections.abc import Iterator

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.arcs import curves, row_heights
from sparx_dsl.render.curves import Curve, number, straight
from sparx_dsl.render.fold import Arc, Box, Sketch, sketch
from sparx_dsl.render.labels import Title, labels, titles
from sparx_dsl.render.layout import MARGIN, PADDING, TITLE_HEIGHT, Lane, Layout, Placed, lane_indices, lane_rows, place
from sparx_dsl.render.legend import SAMPLE, Entry, extent, legend
from sparx_dsl.render.quoting import quote, quote_left
from sparx_dsl.render.style import (
    ARROW,
    FAINT,
    FONT,
    INK,
    LANE_FILL,
    LANE_LINE,
    LAYER_SIZE,
    LINES,
    SMALL_SIZE,
    TITLE_SIZE,
    Line,
    Shape,
    text_width,
)  # fmt: skip


def dot(graph: ConnectionGraph, *, fold: bool = True, legend: bool = True) -> str:
    """The DOT text of a graph's picture: one lane for each stage, layers from left to right.

    With ``fold``, runs of equal normal layers and repeats of a block are one box each (the rule: ``fold.py``); without,
    there is one box for each node and one edge for each edge. The text draws the same in Graphviz and graphviz-pure.
    """
    picture = sketch(graph, fold)
    texts, heads, lanes = labels(graph, picture), titles(graph), lane_indices(picture)
    rows = lane_rows(texts, heads, lanes)
    heights = row_heights(texts, picture.arcs, tuple(rows[lane] for lane in lanes))
    layout = place(texts, heads, lanes, rows, heights)
    entries = _legend(graph, picture, layout) if legend else ()
    width = max([layout.width, *(MARGIN + extent(entry) for entry in entries)])
    bottom = min([layout.bottom, *(entry.y - 10 for entry in entries)])
    drawn = curves(picture.arcs, layout)
    lines = [*_head(width, bottom), *_lanes(picture, layout, heads), *_edges(picture.arcs, drawn)]
    return "\n".join([*lines, *_legend_lines(entries), "}"]) + "\n"


def _head(width: float, bottom: float) -> Iterator[str]:
    yield "// draw with: dot -Kneato -n2 -Tsvg"
    yield "digraph sparx {"
    yield (f'  graph [layout=neato, inputscale=72, outputorder=nodesfirst, bgcolor=white, pad=0.08, '
           f'bb="0,{number(bottom)},{number(width)},0"];')  # fmt: skip
    yield f'  node [fixedsize=true, margin=0, fontname="{FONT}", fontsize={LAYER_SIZE}, fontcolor="{INK}"];'
    yield f"  edge [arrowsize={ARROW}];"


def _lanes(picture: Sketch, layout: Layout, heads: tuple[Title, ...]) -> Iterator[str]:
    for stage, (lane, title) in enumerate(zip(layout.lanes, heads, strict=True)):
        yield f"  subgraph cluster_{stage} {{"
        yield (f'    graph [bb="{number(lane.left)},{number(lane.bottom)},{number(lane.right)},{number(lane.top)}", '
               f'label="", style="rounded,filled", fillcolor="{LANE_FILL}", color="{LANE_LINE}"];')  # fmt: skip
        yield from _title(stage, lane, title)
        for index, (box, placed) in enumerate(zip(picture.boxes, layout.boxes, strict=True)):
            if placed.lane == stage:
                yield f"    n{index} [{_box(box, placed)}];"
        yield "  }"


def _title(stage: int, lane: Lane, title: Title) -> Iterator[str]:
    left = lane.left + PADDING
    for line, (text, size, colour) in enumerate(((title.heading, TITLE_SIZE, INK), (title.details, SMALL_SIZE, FAINT))):
        middle = lane.top - TITLE_HEIGHT * (0.36 + 0.42 * line)
        yield f'    t{2 * stage + line} [{_text(text, left, middle, size)}, fontcolor="{colour}"];'


def _text(text: str, left: float, middle: float, size: float) -> str:
    """The attributes of a node that is only text, flush left at ``left``."""
    width = text_width(text, size)
    frame = _frame(left + width / 2, middle, width, size + 4)
    return f"shape=plaintext, label={quote_left(text)}, fontsize={size}, {frame}"


def _box(box: Box, placed: Placed) -> str:
    shape = placed.label.shape
    names = box.node.name if len(box.nodes) == 1 else f"{box.nodes[0].name} to {box.nodes[-1].name}"
    size = LAYER_SIZE if "\n" not in placed.label.text and box.node.role == "layer" else SMALL_SIZE
    return (f"label={quote(placed.label.text)}, {shape.attributes}, fontsize={size}, "
            f"{_frame(placed.x, placed.y, shape.width, shape.height)}, comment={quote(names)}")  # fmt: skip


def _frame(x: float, y: float, width: float, height: float) -> str:
    """Position in points, width and height (given in points) in inches."""
    return f'pos="{number(x)},{number(y)}!", width={width / 72:.4f}, height={height / 72:.4f}'


def _edges(arcs: tuple[Arc, ...], drawn: tuple[Curve, ...]) -> Iterator[str]:
    """The edges, grouped by kind in the legend's order."""
    for kind in LINES:
        for arc, curve in zip(arcs, drawn, strict=True):
            if arc.kind == kind:
                yield f"  n{arc.source} -> n{arc.target} [{LINES[kind].attributes}, pos={quote(str(curve))}];"


def _legend(graph: ConnectionGraph, picture: Sketch, layout: Layout) -> tuple[Entry, ...]:
    texts = tuple(box.label for box in layout.boxes)
    return legend(graph, picture, texts, layout.width - 2 * MARGIN, layout.bottom - 4)


def _legend_lines(entries: tuple[Entry, ...]) -> Iterator[str]:
    """Samples ``k0`` … with their texts ``x0`` …; an edge's sample runs between two points."""
    for index, entry in enumerate(entries):
        left = MARGIN + entry.x
        yield f"  x{index} [{_text(entry.text, left + SAMPLE + 6, entry.y, SMALL_SIZE)}];"
        if isinstance(entry.sample, Shape):
            yield f"  k{index} [{_sample(entry.sample, left, entry.y)}];"
        else:
            yield from _sample_edge(index, entry.sample, left, entry.y)


def _sample(shape: Shape, left: float, y: float) -> str:
    scale = min((SAMPLE - 2 * shape.extra) / shape.width, (16 - 2 * shape.extra) / shape.height)
    width = SAMPLE - 2 * shape.extra if shape.extra else shape.width * scale
    return f'label="", {shape.attributes}, {_frame(left + SAMPLE / 2, y, width, shape.height * scale)}'


def _sample_edge(index: int, line: Line, left: float, y: float) -> Iterator[str]:
    ends = ((f"k{index}", left), (f"k{index}e", left + SAMPLE))
    for name, x in ends:
        yield f'  {name} [shape=point, style=invis, label="", {_frame(x, y, 0.72, 0.72)}];'
    curve = straight((left, y), (left + SAMPLE, y))
    yield f"  k{index} -> k{index}e [{line.attributes}, pos={quote(str(curve))}];"
