"""Frames with a title in which flows stand, beside one another or one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sparx_dsl.language.flow import Flow
from sparx_dsl.render.drawing import Drawing, Mark, Paint, Rectangle, Text
from sparx_dsl.render.flow_marks import COLUMN, columns_of, flow_marks
from sparx_dsl.render.look import POINTS_PER_MM, Look
from sparx_dsl.render.marks import bottom_of, left_of, moved, right_of
from sparx_dsl.render.style import FAINT, HUB, INK, LANE_FILL, LANE_LINE, SMALL_SIZE, TITLE_SIZE, shortened, text_lines

PAD = 6.0
GAP = 20.0
"""Between panels."""
INDENT = 12.0
"""Between a panel's outline and what is in it."""
LEAST_COLUMN = 80.0
"""Points from column to column of a flow, at least; beyond that a picture is made smaller."""
HEADING = 44.0
"""The height of a panel's two lines of title."""
FUSION: Mapping[str, Paint] = {"fusion": Paint(HUB["fillcolor"], HUB["color"], HUB["penwidth"])}
"""The fusion of a layer has the colour of ganglion layers."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A flow under a title and a line of details."""

    heading: str
    details: str
    flow: Flow
    paints: Mapping[str, Paint] = field(default_factory=lambda: FUSION)
    end: int = 0
    """How many letters at the end of the titles are kept where there is no room for all."""


def panel_marks(panels: Sequence[Panel], width: float | None, left: float = 0.0, top: float = 0.0) -> list[Mark]:
    """The panels in a row below ``top``, or one below the other where the row is wider than ``width``."""
    placed: list[list[Mark]] = []
    x = left
    for panel in panels:
        placed.append(_marks(panel, x, top))
        x = max(map(right_of, placed[-1])) + GAP
    if width is None or x - GAP - left <= width:
        return [mark for marks in placed for mark in marks]
    below: list[Mark] = []
    for panel in panels:
        below += _marks(panel, left, min(map(bottom_of, below)) - GAP if below else top, width)
    return below


def drawing_of(marks: Sequence[Mark], name: str, look: Look) -> Drawing:
    """The marks, the highest of which is at 0, on a page under the title that the look has."""
    page, start = look.points(SMALL_SIZE), min(map(left_of, marks))
    rows = [] if look.title is None else text_lines(look.title, page and page - 2 * PAD, TITLE_SIZE + 2)
    heading = [Text(row, start, 10 + 18 * number, TITLE_SIZE + 2, INK) for number, row in enumerate(reversed(rows))]
    whole = (*heading, *marks)
    left, right = min(map(left_of, whole)) - PAD, max(map(right_of, whole)) + PAD
    spare = max(0.0, (page or 0.0) - (right - left)) / 2
    scale = 1.0 if look.width is None else look.width * POINTS_PER_MM / (right - left + 2 * spare)
    bottom, top = min(map(bottom_of, whole)) - PAD, PAD + (6 + 18 * len(rows) if rows else 0)
    return Drawing(
        look.title or name, left - spare, bottom, right + spare, top, whole, scale=scale, font=look.font
    )  # fmt: skip


def _marks(panel: Panel, left: float, top: float, width: float | None = None) -> list[Mark]:
    inner = list(flow_marks(panel.flow, 0, top - HEADING, panel.paints))
    taken = max(map(right_of, inner)) - min(map(left_of, inner)) + 2 * INDENT
    if width is not None and taken > width:
        span = columns_of(panel.flow)
        column = COLUMN - (taken - width) / span if span else COLUMN
        inner = list(flow_marks(panel.flow, 0, top - HEADING, panel.paints, max(LEAST_COLUMN, column)))
    shift = left + INDENT - min(map(left_of, inner))
    placed = [moved(mark, (shift, 0)) for mark in inner]
    rows = ((panel.heading, 20, TITLE_SIZE, INK), (panel.details, 35, SMALL_SIZE, FAINT))
    room = None if width is None else width - 2 * INDENT
    titles = tuple(
        Text(text if room is None else shortened(text, room, size, end=panel.end), left + INDENT, top - down, size, ink)
        for text, down, size, ink in rows
    )
    right = max(map(right_of, (*placed, *titles))) + INDENT
    bottom = min(map(bottom_of, placed)) - INDENT
    outline = Rectangle(left, bottom, right - left, top - bottom, 12.0, Paint(LANE_FILL, LANE_LINE))
    return [outline, *titles, *placed]
