"""Points and the curves through them, as Graphviz takes them: cubic Bézier pieces and an arrow's tip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from sparx_dsl.render.style import ARROW_LENGTH

Point = tuple[float, float]

CORNER = 8.0
"""The radius of a path's rounded corners, in points."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A start and three points for each cubic piece; the arrow reaches from the last of them to ``tip``."""

    points: tuple[Point, ...]
    tip: Point
    before: tuple[tuple[Point, ...], ...] = ()
    """Pieces without an arrow that come first, where the way is broken as a line of text is."""

    @property
    def spots(self) -> tuple[Point, ...]:
        """All points that the curve is given by."""
        return (*(point for piece in self.before for point in piece), *self.points, self.tip)

    def __str__(self) -> str:
        """The ``pos`` attribute of an edge."""
        *before, points = (
            " ".join(f"{number(x)},{number(y)}" for x, y in piece) for piece in (*self.before, self.points)
        )
        return ";".join((*before, f"e,{number(self.tip[0])},{number(self.tip[1])} {points}"))


def number(value: float) -> str:
    """A coordinate with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def straight(start: Point, tip: Point) -> Curve:
    """A straight arrow."""
    return path((start, tip))


def bow(start: Point, tip: Point, rise: float) -> Curve:
    """An arc that leaves and arrives upright, ``rise`` points above the higher end (negative: below the lower)."""
    sign = 1 if rise > 0 else -1
    end = (tip[0], tip[1] + sign * ARROW_LENGTH)
    level = sign * max(sign * start[1], sign * end[1]) + rise
    first = start[1] + (level - start[1]) * 4 / 3
    second = end[1] + (level - end[1]) * 4 / 3
    return Curve((start, (start[0], first), (end[0], second), end), tip)


def path(corners: Sequence[Point]) -> Curve:
    """A path along straight pieces with rounded corners, and an arrow at its end."""
    *most, tip = corners
    return Curve(bare_path([*most, _towards(tip, most[-1], ARROW_LENGTH)]), tip)


def bare_path(stops: Sequence[Point]) -> tuple[Point, ...]:
    """The points of a path along straight pieces with rounded corners, without an arrow."""
    points: list[Point] = [stops[0]]
    for before, corner, after in zip(stops, stops[1:], stops[2:], strict=False):
        radius = min(CORNER, _length(before, corner) / 2, _length(corner, after) / 2)
        into, out = _towards(corner, before, radius), _towards(corner, after, radius)
        points += _line(points[-1], into)
        points += [_between(into, corner), _between(out, corner), out]
    points += _line(points[-1], stops[-1])
    return tuple(points)


def _line(start: Point, end: Point) -> list[Point]:
    third = ((end[0] - start[0]) / 3, (end[1] - start[1]) / 3)
    return [(start[0] + third[0], start[1] + third[1]), (end[0] - third[0], end[1] - third[1]), end]


def _between(start: Point, corner: Point) -> Point:
    return (start[0] + (corner[0] - start[0]) * 0.55, start[1] + (corner[1] - start[1]) * 0.55)


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = _length(start, end) or 1.0
    return (start[0] + (end[0] - start[0]) * distance / length, start[1] + (end[1] - start[1]) * distance / length)


def _length(start: Point, end: Point) -> float:
    return hypot(end[0] - start[0], end[1] - start[1])
