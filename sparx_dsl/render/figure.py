"""A picture before it is written: what is drawn, and where; in points, y upwards, the highest y is 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.arcs import curves, row_heights
from sparx_dsl.render.curves import Curve
from sparx_dsl.render.fold import Sketch, sketch
from sparx_dsl.render.labels import Title, labels, titles
from sparx_dsl.render.layout import MARGIN, PADDING, TITLE_HEIGHT, Lane, Layout, lane_indices, lane_rows, place
from sparx_dsl.render.legend import SAMPLE, Entry, extent, legend
from sparx_dsl.render.style import FAINT, INK, SMALL_SIZE, TITLE_SIZE

PAD = 5.76
"""Points around all that is drawn."""


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
    """The lanes' titles and the legend's texts."""
    entries: tuple[Entry, ...]
    """The legend's samples, shifted to their places."""
    left: float
    right: float
    bottom: float


def figure(graph: ConnectionGraph, fold: bool) -> Figure:
    """Lay out a graph's picture: one lane for each stage, layers from left to right, a legend below."""
    picture, heads = sketch(graph, fold), titles(graph)
    texts, lanes = labels(graph, picture), lane_indices(picture)
    rows = lane_rows(texts, heads, lanes)
    heights = row_heights(texts, picture.arcs, tuple(rows[lane] for lane in lanes))
    layout = place(texts, heads, lanes, rows, heights)
    drawn = curves(picture.arcs, layout)
    shown = legend(graph, picture, texts, layout.width - 2 * MARGIN, layout.bottom - 4)
    entries = tuple(Entry(entry.sample, entry.text, MARGIN + entry.x, entry.y) for entry in shown)
    spots = [x for curve in drawn for x, _ in (*curve.points, curve.tip)]
    left = min([*spots, *(lane.left for lane in layout.lanes), *(entry.x for entry in entries)])
    right = max([*spots, *(lane.right for lane in layout.lanes), *(extent(entry) for entry in entries)])
    bottom = min([layout.bottom, *(entry.y - 7 for entry in entries)])
    words = (*_titles(layout.lanes, heads), *_texts(entries))
    return Figure(graph.spec.name, picture, layout, drawn, words, entries, left, right, bottom)


def _titles(lanes: tuple[Lane, ...], heads: tuple[Title, ...]) -> Iterator[Words]:
    for lane, title in zip(lanes, heads, strict=True):
        lines = ((title.heading, TITLE_SIZE, INK), (title.details, SMALL_SIZE, FAINT))
        for number, (text, size, colour) in enumerate(lines):
            yield Words(text, lane.left + PADDING, lane.top - TITLE_HEIGHT * (0.36 + 0.42 * number), size, colour)


def _texts(entries: tuple[Entry, ...]) -> Iterator[Words]:
    for entry in entries:
        yield Words(entry.text, entry.x + SAMPLE + 6, entry.y, SMALL_SIZE, INK)
