"""A picture before it is written: what is drawn, and where; in points, y upwards, the highest y is 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.arcs import BYPASS, count_place, curves, row_heights
from sparx_dsl.render.curves import Curve
from sparx_dsl.render.fold import Sketch, sketch
from sparx_dsl.render.labels import Label, Title, labels, titles
from sparx_dsl.render.layout import MARGIN, TITLE_HEIGHT, Lane, Layout, place
from sparx_dsl.render.legend import SAMPLE, Entry, extent, legend
from sparx_dsl.render.look import Look
from sparx_dsl.render.style import FAINT, INK, LINES, SMALL_SIZE, TITLE_SIZE, text_lines, text_width
from sparx_dsl.render.ties import tie_heights
from sparx_dsl.render.wrap import PADDING, lanes

PAD = 5.76
"""Points around all that is drawn."""
HEADING_SIZE = 15
HEADING_HEIGHT = 28.0
"""What a title above the whole picture takes."""
HEADING_LINE = 18.0
"""What each further line of it takes."""
COUNT_SIZE = 10
LEAST_LEGEND = 520
"""Narrow pictures are made this wide rather than give their legend many lines."""


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text that stands free: its left end, the y of its middle, its size and colour."""

    text: str
    left: float
    middle: float
    size: float
    colour: str


@dataclass(frozen=True, slots=True)
class Figure:
    """All parts of a picture in their places."""

    name: str
    sketch: Sketch
    layout: Layout
    curves: tuple[Curve, ...]
    """The curve of every arc of the sketch, in order."""
    words: tuple[Words, ...]
    """The picture's title and those of lanes, numbers of connections, and the legend's texts."""
    entries: tuple[Entry, ...]
    """The legend's samples, shifted to their places."""
    left: float
    right: float
    bottom: float


def figure(graph: ConnectionGraph, look: Look) -> Figure:
    """Lay out a graph's picture: one lane for each stage, layers from left to right, a legend below.

    Raises ``SparxError`` (SPX514) for stages that are not there.
    """
    stages = look.shown(graph)
    picture = sketch(graph, look.fold, stages)
    texts, page = labels(graph, picture), look.points(SMALL_SIZE)
    limit = None if page is None else page - 2 * (PAD + BYPASS + 1)
    ways = lanes(texts, titles(graph, stages), tuple(stages.index(box.node.stage) for box in picture.boxes), limit)
    ties = tie_heights(texts, picture.arcs, ways)
    heading = tuple(_heading(look.title, limit))
    top = -HEADING_HEIGHT - HEADING_LINE * (len(heading) - 1) if heading else 0.0
    layout = place(texts, ways, row_heights(texts, picture.arcs, ways, ties), top)
    drawn = curves(picture.arcs, layout, ties)
    entries = _entries(picture, texts, layout, limit) if look.legend else ()
    words = (*heading, *_titles(layout.lanes, ways.titles), *_counts(picture, drawn), *_texts(entries))
    spots = [x for curve in drawn for x, _ in curve.spots]
    ends = [word.left + text_width(word.text, word.size) for word in heading]
    left = min([*spots, *(lane.left for lane in layout.lanes), *(entry.x for entry in entries)])
    right = max([*spots, *ends, *(lane.right for lane in layout.lanes), *(extent(entry) for entry in entries)])
    bottom = min([layout.bottom, *(entry.y - 7 for entry in entries)])
    return Figure(look.title or graph.spec.name, picture, layout, drawn, words, entries, left, right, bottom)


def _entries(picture: Sketch, texts: tuple[Label, ...], layout: Layout, limit: float | None) -> tuple[Entry, ...]:
    """The legend's samples below the picture."""
    width = max(layout.width - 2 * MARGIN, LEAST_LEGEND) if limit is None else limit
    shown = legend(picture, texts, width, layout.bottom - 4)
    return tuple(Entry(entry.sample, entry.text, MARGIN + entry.x, entry.y) for entry in shown)


def _heading(title: str | None, limit: float | None) -> Iterator[Words]:
    """The picture's title, in as many lines as the page's width asks for."""
    if title is not None:
        for number, line in enumerate(text_lines(title, limit, HEADING_SIZE)):
            yield Words(line, MARGIN, -HEADING_HEIGHT * 0.4 - HEADING_LINE * number, HEADING_SIZE, INK)


def _counts(picture: Sketch, drawn: tuple[Curve, ...]) -> Iterator[Words]:
    """How many connections an arrow stands for, where these are several."""
    for arc, curve in zip(picture.arcs, drawn, strict=True):
        if arc.edges > 1:
            text, (x, y) = f"×{arc.edges}", count_place(arc, curve)
            yield Words(text, x - text_width(text, COUNT_SIZE) / 2, y, COUNT_SIZE, LINES[arc.kind].attributes["color"])


def _titles(outlines: tuple[Lane, ...], heads: tuple[Title, ...]) -> Iterator[Words]:
    for lane, title in zip(outlines, heads, strict=True):
        rows = ((title.heading, TITLE_SIZE, INK), (title.details, SMALL_SIZE, FAINT))
        for number, (text, size, colour) in enumerate(rows):
            if text:
                yield Words(text, lane.left + PADDING, lane.top - TITLE_HEIGHT * (0.36 + 0.42 * number), size, colour)


def _texts(entries: tuple[Entry, ...]) -> Iterator[Words]:
    for entry in entries:
        yield Words(entry.text, entry.x + SAMPLE + 6, entry.y, SMALL_SIZE, INK)
