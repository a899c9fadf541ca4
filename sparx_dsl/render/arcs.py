"""The course of every arc: intra- and cross-stage connections bow below the row, inter-connections above it.

Arcs that share an end are nested, so that they do not cross there: the longer an arc, the closer to the middle of its
source it starts and of its target it ends; what leaves does so right of the middle, what arrives, left of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sparx_dsl.render.curves import Curve, Point, bow, path, straight
from sparx_dsl.render.fold import Arc
from sparx_dsl.render.labels import Label
from sparx_dsl.render.layout import TITLE_HEIGHT, Lane, Layout, Placed, RowHeights

Side = Literal["above", "below"]

BYPASS = 13
"""Points from a lane's outline to the feed that leads to the next row."""


def row_heights(labels: Sequence[Label], arcs: Sequence[Arc], box_rows: Sequence[int]) -> tuple[RowHeights, ...]:
    """How much room each row needs above and below its middle line."""
    heights: list[RowHeights] = []
    for row in range(max(box_rows) + 1):
        shapes = [label.shape for label, at in zip(labels, box_rows, strict=True) if at == row]
        half = max(shape.height / 2 + shape.extra for shape in shapes)
        inside = [arc for arc in arcs if arc.kind != "feed" and box_rows[arc.source] == row == box_rows[arc.target]]
        above = max((_rise(arc) for arc in inside if _side(arc) == "above"), default=0.0)
        below = max((_rise(arc) for arc in inside if _side(arc) == "below"), default=0.0)
        heights.append(RowHeights(half + above + 4, half + below + 4))
    return tuple(heights)


def curves(arcs: Sequence[Arc], layout: Layout) -> tuple[Curve, ...]:
    """The curve of every arc, in order."""
    ports = _Ports(arcs, layout)
    far = [arc for arc in arcs if arc.kind != "feed" and _rows(arc, layout)[0] != _rows(arc, layout)[1]]
    return tuple(_far(arc, layout, ports, far.index(arc)) if arc in far else _near(arc, layout, ports) for arc in arcs)


def _near(arc: Arc, layout: Layout, ports: _Ports) -> Curve:
    """An arc inside a row, or a feed."""
    source, target = layout.boxes[arc.source], layout.boxes[arc.target]
    if arc.kind == "feed":
        return _feed(source, target, layout)
    rise = _rise(arc) if _side(arc) == "above" else -_rise(arc)
    return bow(ports.leaving(arc), ports.arriving(arc), rise)


def _feed(source: Placed, target: Placed, layout: Layout) -> Curve:
    start = (source.x + source.label.shape.reach, source.y)
    tip = (target.x - target.label.shape.reach, target.y)
    if source.row == target.row:
        return straight(start, tip)
    right = layout.lanes[source.lane].right + BYPASS
    left = layout.lanes[target.lane].left - BYPASS
    gutter = layout.gutters[source.row]
    return path((start, (right, start[1]), (right, gutter), (left, gutter), (left, tip[1]), tip))


def _far(arc: Arc, layout: Layout, ports: _Ports, order: int) -> Curve:
    """An added link or a tap from row to row: down into the free strip, along it, and down to the target."""
    start, tip = ports.leaving(arc), ports.arriving(arc)
    rows = _rows(arc, layout)
    shift = (5 + 4 * (order // 2 % 3)) * (-1 if order % 2 else 1)
    upper, lower = layout.gutters[rows[0]] + shift, layout.gutters[rows[1] - 1] + shift
    edge = layout.width - 4 - 4 * (order % 3)
    around = [] if upper == lower else [(edge, upper), (edge, lower)]
    inside = 4 if shift < 0 else 0
    last = _past_title(layout.lanes[layout.boxes[arc.target].lane], lower, tip[0], inside)
    return path([start, (start[0], upper), *around, *last, tip])


def _past_title(lane: Lane, gutter: float, x: float, inside: float) -> list[Point]:
    """From the free strip above a lane to below its title at ``x``, round the title where that is in the way.

    The way is ``inside`` points closer to the title than the outermost one.
    """
    beside, under = lane.title_right + 8 - inside, lane.top - TITLE_HEIGHT - 2 + inside
    return [(beside, gutter), (beside, under), (x, under)] if x < beside else [(x, gutter)]


class _Ports:
    """Where on the outlines of their boxes arcs start and end."""

    def __init__(self, arcs: Sequence[Arc], layout: Layout) -> None:
        self._layout = layout
        self._leaving: dict[tuple[int, Side], list[Arc]] = {}
        self._arriving: dict[tuple[int, Side], list[Arc]] = {}
        for arc in sorted((arc for arc in arcs if arc.kind != "feed"), key=_length, reverse=True):
            sides = self._sides(arc)
            self._leaving.setdefault((arc.source, sides[0]), []).append(arc)
            self._arriving.setdefault((arc.target, sides[1]), []).append(arc)

    def leaving(self, arc: Arc) -> Point:
        """Where the arc starts."""
        side = self._sides(arc)[0]
        return self._port(arc.source, side, _share(arc, self._leaving[arc.source, side]))

    def arriving(self, arc: Arc) -> Point:
        """Where the arc's tip is."""
        side = self._sides(arc)[1]
        return self._port(arc.target, side, -_share(arc, self._arriving[arc.target, side]))

    def _sides(self, arc: Arc) -> tuple[Side, Side]:
        rows = _rows(arc, self._layout)
        return (_side(arc), _side(arc)) if rows[0] == rows[1] else ("below", "above")

    def _port(self, box: int, side: Side, share: float) -> Point:
        placed = self._layout.boxes[box]
        offset = share * _flat(placed)
        height = _outline(placed, offset)
        return (placed.x + offset, placed.y + (height if side == "above" else -height))


def _share(arc: Arc, together: list[Arc]) -> float:
    """How far from the middle, from 0 to 1, one of the arcs (the longest first) that share an end is."""
    return (together.index(arc) + 1) / (len(together) + 0.5) if len(together) > 1 else 0.5


def _flat(placed: Placed) -> float:
    """Points from the middle to where the upper edge's usable part ends."""
    width = placed.label.shape.width
    return width / 4 + 2 if placed.label.name in ("ganglion", "downsample") else width / 2 - 5


def _outline(placed: Placed, offset: float) -> float:
    """The height of the outline above the middle line at that distance right of the middle."""
    shape = placed.label.shape
    if placed.label.name == "ganglion":
        return shape.height / 2 * min(1.0, 2 - 4 * abs(offset) / shape.width)
    if placed.label.name == "downsample":
        return shape.height / 2 * (1 - 5 / 12 * (offset / shape.width + 0.5))
    return shape.height / 2 + shape.extra


def _side(arc: Arc) -> Side:
    return "below" if arc.kind in ("intra", "cross_stage") else "above"


def _rows(arc: Arc, layout: Layout) -> tuple[int, int]:
    return layout.boxes[arc.source].row, layout.boxes[arc.target].row


def _length(arc: Arc) -> int:
    return arc.target - arc.source


def _rise(arc: Arc) -> float:
    """How far an arc rises above its ends: slower than its length, yet fast enough that nested arcs do not cross."""
    return 9 + 10 * _length(arc) ** 0.8
