"""How stages become lanes, and lanes rows: a stage that is too wide takes several lanes, one below the other."""

from __future__ import annotations

from dataclasses import dataclass

from sparx_dsl.render.labels import Label, Title
from sparx_dsl.render.style import SMALL_SIZE, TITLE_SIZE, text_width

GAP = 20
"""Between the boxes of a lane."""
PADDING = 14
"""Between a lane's outline and what is in it."""
ROW_WIDTH = 620
"""Lanes share a row while they are no wider than this together, or than the widest lane."""
LANE_WIDTH = 900
"""What a lane is at most, where no width is asked for; boxes that are wider alone stay as they are."""
LANE_GAP = 30


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of a picture: which boxes and which stage each has, and the row that it stands in."""

    of_box: tuple[int, ...]
    """For each box, the lane that it stands in."""
    stages: tuple[int, ...]
    """For each lane, the place of its stage among those that are shown."""
    rows: tuple[int, ...]
    titles: tuple[Title, ...]
    widths: tuple[float, ...]

    @property
    def box_rows(self) -> tuple[int, ...]:
        """For each box, the row that it stands in."""
        return tuple(self.rows[lane] for lane in self.of_box)

    @property
    def box_stages(self) -> tuple[int, ...]:
        """For each box, the place of its stage."""
        return tuple(self.stages[lane] for lane in self.of_box)


def lanes(labels: tuple[Label, ...], titles: tuple[Title, ...], stages: tuple[int, ...], width: float | None) -> Lanes:
    """Set boxes into lanes and lanes into rows.

    ``stages`` has the place of each box's stage; ``width`` is what rows may take, None for as much as suits.
    """
    of_box: list[int] = []
    of_lane: list[int] = []
    for stage in range(len(titles)):
        own = [label for label, place in zip(labels, stages, strict=True) if place == stage]
        for line, count in enumerate(_lines(own, (width or LANE_WIDTH) - 2 * PADDING)):
            of_box += [len(of_lane)] * count
            of_lane.append(stage if line == 0 else ~stage)
    inner = None if width is None else width - 2 * PADDING
    heads = tuple((titles[stage] if stage >= 0 else titles[~stage].continued).fitted(inner) for stage in of_lane)
    widths = _widths(labels, heads, of_box)
    rows = _rows(widths, [stage < 0 for stage in of_lane], width or max(ROW_WIDTH, *widths))
    return Lanes(tuple(of_box), tuple(max(stage, ~stage) for stage in of_lane), rows, heads, widths)


def title_width(title: Title) -> float:
    """How wide the two lines of a title are."""
    return max(text_width(title.heading, TITLE_SIZE), text_width(title.details, SMALL_SIZE))


def _lines(labels: list[Label], limit: float) -> list[int]:
    """How many boxes each line has: as few lines as the limit allows, and these as equally full as they can be.

    Where that takes no more lines, each ends behind a ganglion layer, and so holds what that layer reads last.
    """
    groups: list[list[float]] = [[]]
    for place, label in enumerate(labels):
        groups[-1].append(2 * label.shape.reach)
        if label.name == "ganglion" and place < len(labels) - 2:
            groups.append([])
    parts = [[width] for group in groups for width in group]
    if max(map(_length, groups)) <= limit and len(_filled(groups, limit)) == len(_filled(parts, limit)):
        parts = groups
    lines = _filled(parts, limit)
    while len(shorter := _filled(parts, limit - GAP)) == len(lines) and limit - GAP > max(map(_length, parts)):
        limit, lines = limit - GAP, shorter
    return lines


def _filled(parts: list[list[float]], limit: float) -> list[int]:
    counts: list[int] = []
    used = limit + 1
    for part in parts:
        if used + GAP + _length(part) <= limit:
            used += GAP + _length(part)
            counts[-1] += len(part)
        else:
            used = _length(part)
            counts.append(len(part))
    return counts


def _length(widths: list[float]) -> float:
    return sum(widths) + GAP * (len(widths) - 1)


def _rows(widths: tuple[float, ...], continued: list[bool], limit: float) -> tuple[int, ...]:
    """For each lane, the row that it is set into; what continues a stage begins a row."""
    rows: list[int] = []
    used = 0.0
    for width, below in zip(widths, continued, strict=True):
        fits = bool(rows) and not below and used + LANE_GAP + width <= limit
        used = used + LANE_GAP + width if fits else width
        rows.append(rows[-1] + (not fits) if rows else 0)
    return tuple(rows)


def _widths(labels: tuple[Label, ...], titles: tuple[Title, ...], of_box: list[int]) -> tuple[float, ...]:
    filled = [-float(GAP)] * len(titles)
    for label, lane in zip(labels, of_box, strict=True):
        filled[lane] += 2 * label.shape.reach + GAP
    return tuple(max(title_width(t), fill) + 2 * PADDING for t, fill in zip(titles, filled, strict=True))
