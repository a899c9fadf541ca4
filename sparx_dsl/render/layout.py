"""Where everything stands: stages as lanes, set into rows as words are into lines; all in points, y upwards.

Graphviz only draws: positions and curves are computed here, so that every engine gives the same picture. A lane is a
row of a stage's boxes with a title above. Arcs are laid by ``arcs.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sparx_dsl.render.labels import Label
from sparx_dsl.render.wrap import GAP, LANE_GAP, PADDING, Lanes, title_width

TITLE_HEIGHT = 36
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
    """A lane's outline, and where its title ends on the right."""

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
    stages: tuple[int, ...]
    """For each lane, the place of its stage among those that are shown."""
    middles: tuple[float, ...]
    """The y of the middle line of each row."""
    gutters: tuple[float, ...]
    """The y of the free strip below each row."""
    width: float
    bottom: float
    """The lowest y in use."""


@dataclass(frozen=True, slots=True)
class RowHeights:
    """How far arcs reach above and below the middle line of a row."""

    above: float
    below: float


def place(labels: tuple[Label, ...], lanes: Lanes, heights: tuple[RowHeights, ...], top: float = 0.0) -> Layout:
    """Give every box and lane its place, below ``top``."""
    middles: list[float] = []
    gutters: list[float] = []
    ceilings: list[float] = []
    for height in heights:
        ceilings.append(top)
        middles.append(top - TITLE_HEIGHT - height.above - 8)
        bottom = middles[-1] - height.below - PADDING
        gutters.append(bottom - ROW_GAP / 2)
        top = bottom - ROW_GAP
    outlines: list[Lane] = []
    for lane, (width, row, title) in enumerate(zip(lanes.widths, lanes.rows, lanes.titles, strict=True)):
        beside = lane > 0 and lanes.rows[lane - 1] == row
        left = outlines[-1].right + LANE_GAP if beside else float(MARGIN)
        floor = gutters[row] + ROW_GAP / 2
        outlines.append(Lane(left, floor, left + width, ceilings[row], left + PADDING + title_width(title)))
    boxes = _boxes(labels, lanes, outlines, middles)
    right = max(outline.right for outline in outlines) + MARGIN
    return Layout(
        boxes, tuple(outlines), lanes.stages, tuple(middles), tuple(gutters), right, gutters[-1] + ROW_GAP / 2
    )


def _boxes(labels: tuple[Label, ...], lanes: Lanes, outlines: list[Lane], middles: list[float]) -> tuple[Placed, ...]:
    cursors = [outline.left + PADDING for outline in outlines]
    boxes: list[Placed] = []
    for label, lane in zip(labels, lanes.of_box, strict=True):
        row = lanes.rows[lane]
        boxes.append(Placed(cursors[lane] + label.shape.reach, middles[row], label, row, lane))
        cursors[lane] += 2 * label.shape.reach + GAP
    return tuple(boxes)
