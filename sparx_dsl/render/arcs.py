"""The course of every arc: intra- and cross-stage connections bow below the row, inter-connections above it.

An arc from line to line of a stage that takes several is broken as a tie is in a score: it runs off the line at some
height, and comes in on the next at the same height. Arcs of one source and kind do so together (``ties.py``).
Arcs that share an end are nested, so that they do not cross there: the longer an arc, the closer to the middle of its
source it starts and of its target it ends; what leaves does so right of the middle, what arrives, left of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sparx_dsl.render.curves import Curve, Point, bare_path, bow, path, straight
from sparx_dsl.render.fold import Arc
from sparx_dsl.render.labels import Label
from sparx_dsl.render.layout import TITLE_HEIGHT, Lane, Layout, Placed, RowHeights
from sparx_dsl.render.ties import Side, half_height, rise_of, side_of
from sparx_dsl.render.wrap import Lanes

TRACKS = 8
"""As many ways from row to row run beside each other on the right, before a further one lies on the first."""
COUNT_GAP = 7
"""Points from an arrow to the middle of the number beside it."""
OVERHANG = 4
"""Points by which a broken arc reaches over the outline of its lane."""
BYPASS = 13
"""Points from a lane's outline to the feed that leads to the next row."""


def row_heights(
    labels: Sequence[Label], arcs: Sequence[Arc], lanes: Lanes, ties: Mapping[Arc, float]
) -> tuple[RowHeights, ...]:
    """How much room each row needs above and below its middle line."""
    rows = lanes.box_rows
    heights: list[RowHeights] = []
    for row in range(max(rows) + 1):
        half = max(half_height(label) for label, at in zip(labels, rows, strict=True) if at == row)
        needs: dict[Side, list[float]] = {"above": [half], "below": [half]}
        for arc in arcs:
            if arc in ties and rows[arc.source] <= row <= rows[arc.target]:
                needs[side_of(arc)].append(ties[arc])
            elif arc.kind != "feed" and rows[arc.source] == row == rows[arc.target]:
                needs[side_of(arc)].append(half + rise_of(arc))
        heights.append(RowHeights(max(needs["above"]) + 4, max(needs["below"]) + 4))
    return tuple(heights)


def curves(arcs: Sequence[Arc], layout: Layout, ties: Mapping[Arc, float]) -> tuple[Curve, ...]:
    """The curve of every arc, in order."""
    ports = _Ports(arcs, layout, ties)
    far = [arc for arc in arcs if arc.kind != "feed" and _crosses(arc, layout) and arc not in ties]

    def curve(arc: Arc) -> Curve:
        if arc in ties:
            return _tie(arc, layout, ports, ties[arc])
        return _far(arc, layout, ports, far.index(arc)) if arc in far else _near(arc, layout, ports)

    return tuple(map(curve, arcs))


def _crosses(arc: Arc, layout: Layout) -> bool:
    source, target = _rows(arc, layout)
    return source != target


def _tie(arc: Arc, layout: Layout, ports: _Ports, height: float) -> Curve:
    """An arc that is broken where its stage's lanes are, at that height above or below the middle lines."""
    start, tip = ports.leaving(arc), ports.arriving(arc)
    shift = height if side_of(arc) == "above" else -height
    source, target = layout.boxes[arc.source], layout.boxes[arc.target]
    levels = [middle + shift for middle in layout.middles[source.row : target.row + 1]]
    passed = layout.lanes[source.lane : target.lane + 1]
    ends = [(lane.left - OVERHANG, lane.right + OVERHANG) for lane in passed]
    off = bare_path((start, (start[0], levels[0]), (ends[0][1], levels[0])))
    between = [bare_path(((left, y), (right, y))) for (left, right), y in zip(ends[1:-1], levels[1:-1], strict=True)]
    return replace(path(((ends[-1][0], levels[-1]), (tip[0], levels[-1]), tip)), before=(off, *between))


def _near(arc: Arc, layout: Layout, ports: _Ports) -> Curve:
    """An arc inside a row, or a feed."""
    source, target = layout.boxes[arc.source], layout.boxes[arc.target]
    if arc.kind == "feed":
        return _feed(source, target, layout)
    rise = rise_of(arc) if side_of(arc) == "above" else -rise_of(arc)
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
    shift = (5 + 3 * (order // 2 % 4)) * (-1 if order % 2 else 1)
    upper, lower = layout.gutters[rows[0]] + shift, layout.gutters[rows[1] - 1] + shift
    edge = layout.width - 4 + 4 * (order % TRACKS)
    around = [] if upper == lower else [(edge, upper), (edge, lower)]
    inside = 3 * (order % 4)
    last = _past_title(layout.lanes[layout.boxes[arc.target].lane], lower, tip[0], inside)
    return path([start, (start[0], upper), *around, *last, tip])


def _past_title(lane: Lane, gutter: float, x: float, inside: float) -> list[Point]:
    """From the free strip above a lane to below its title at ``x``, round the title where that is in the way.

    The way is ``inside`` points closer to the title than the outermost one.
    """
    beside, under = lane.title_right + 8 - inside, lane.top - TITLE_HEIGHT - 2 + inside
    return [(beside, gutter), (beside, under), (x, under)] if x < beside else [(x, gutter)]


def count_place(arc: Arc, curve: Curve) -> Point:
    """The middle of the text that says how many connections an arrow stands for: inside its bow, or beside its tip."""
    (x, y), tip = curve.points[0], curve.tip
    inwards = -COUNT_GAP if side_of(arc) == "above" else COUNT_GAP
    match curve.before, curve.points:
        case (), (_, (_, height), _, _):
            return ((x + tip[0]) / 2, y + (height - y) * 3 / 4 + inwards)
        case _:
            return (tip[0] + 9, tip[1] - 2 * inwards)


class _Ports:
    """Where on the outlines of their boxes arcs start and end."""

    def __init__(self, arcs: Sequence[Arc], layout: Layout, ties: Mapping[Arc, float]) -> None:
        self._layout = layout
        self._ties = ties
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
        direct = arc in self._ties or not _crosses(arc, self._layout)
        return (side_of(arc), side_of(arc)) if direct else ("below", "above")

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


def _rows(arc: Arc, layout: Layout) -> tuple[int, int]:
    return layout.boxes[arc.source].row, layout.boxes[arc.target].row


def _length(arc: Arc) -> int:
    return arc.target - arc.source
