"""Where everything stands: stages as lanes, set into rows as words are into lines; all in points, y upwards.

Graphviz only draws: positions and curves are computed here, so that every engine gives the same picture. A lane is the
stage's row of boxes with its title above; lanes fill rows of a common width. Arcs are laid by ``arcs.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sparx_dsl.render.fold import Sketch
from sparx_dsl.render.labels import Label, Title
from sparx_dsl.render.style import SMALL_SIZE, TITLE_SIZE, text_width

GAP = 20
"""Between the boxes of a lane."""
PADDING = 14
"""Between a lane's outline and what is in it."""
TITLE_HEIGHT = 36
ROW_WIDTH = 620
"""Lanes share a row while they are no wider than this together, or than the widest lane."""
LANE_GAP = 30
ROW_GAP = 34
MARGIN = 26
"""Left and right of all rows; feeds from row to row run here."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A box in its place: its middle, and the row and lane that it stands in."""

    x: float
    y: float
    label: Label
    row: int
    lane: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A stage's lane: its outline, and where its title ends on the right."""

    left: float
    bottom: float
    right: float
    top: float
    title_right: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of all boxes (in the sketch's order) and lanes, and the picture's extent."""

    boxes: tuple[Placed, ...]
    lanes: tuple[Lane, ...]
    gutters: tuple[float, ...]
    """The y of the free strip below each row."""
    width: float
    bottom: float
    """The lowest y in use; the highest is 0."""


@dataclass(frozen=True, slots=True)
class RowHeights:
    """How far arcs reach above and below the middle line of a row."""

    above: float
    below: float


def lane_indices(picture: Sketch) -> tuple[int, ...]:
    """For each box, the 0-based lane that it stands in: its stage's."""
    return tuple(box.node.stage - 1 for box in picture.boxes)


def lane_rows(labels: tuple[Label, ...], titles: tuple[Title, ...], lanes: tuple[int, ...]) -> tuple[int, ...]:
    """For each lane, the row that it is set into."""
    widths = _lane_widths(labels, titles, lanes)
    limit = max(ROW_WIDTH, *widths)
    rows: list[int] = []
    used = 0.0
    for width in widths:
        fits = bool(rows) and used + LANE_GAP + width <= limit
        used = used + LANE_GAP + width if fits else width
        rows.append(rows[-1] + (not fits) if rows else 0)
    return tuple(rows)


def place(
    labels: tuple[Label, ...], titles: tuple[Title, ...], lanes: tuple[int, ...], rows: tuple[int, ...],
    heights: tuple[RowHeights, ...],
) -> Layout:  # fmt: skip
    """Give every box and lane its place."""
    widths = _lane_widths(labels, titles, lanes)
    middles: list[float] = []
    gutters: list[float] = []
    outlines: list[Lane] = []
    top = 0.0
    for height in heights:
        middles.append(top - TITLE_HEIGHT - height.above - 8)
        bottom = middles[-1] - height.below - PADDING
        gutters.append(bottom - ROW_GAP / 2)
        top = bottom - ROW_GAP
    left = float(MARGIN)
    for lane, width in enumerate(widths):
        row = rows[lane]
        left = outlines[-1].right + LANE_GAP if lane and rows[lane - 1] == row else float(MARGIN)
        ceiling = gutters[row - 1] - ROW_GAP / 2 if row else 0.0
        outlines.append(
            Lane(left, gutters[row] + ROW_GAP / 2, left + width, ceiling, left + PADDING + _title_width(titles[lane]))
        )
    boxes = _boxes(labels, lanes, rows, outlines, middles)
    right = max(outline.right for outline in outlines) + MARGIN
    return Layout(boxes, tuple(outlines), tuple(gutters), right, top + ROW_GAP)


def _boxes(
    labels: tuple[Label, ...], lanes: tuple[int, ...], rows: tuple[int, ...], outlines: list[Lane], middles: list[float]
) -> tuple[Placed, ...]:
    cursors = [outline.left + PADDING for outline in outlines]
    boxes: list[Placed] = []
    for label, lane in zip(labels, lanes, strict=True):
        shape = label.shape
        boxes.append(Placed(cursors[lane] + shape.reach, middles[rows[lane]], label, rows[lane], lane))
        cursors[lane] += 2 * shape.reach + GAP
    return tuple(boxes)


def _lane_widths(labels: tuple[Label, ...], titles: tuple[Title, ...], lanes: tuple[int, ...]) -> list[float]:
    widths = [_title_width(title) for title in titles]
    filled = [-float(GAP)] * len(titles)
    for label, lane in zip(labels, lanes, strict=True):
        filled[lane] += 2 * label.shape.reach + GAP
    return [max(width, fill) + 2 * PADDING for width, fill in zip(widths, filled, strict=True)]


def _title_width(title: Title) -> float:
    return max(text_width(title.heading, TITLE_SIZE), text_width(title.details, SMALL_SIZE))
