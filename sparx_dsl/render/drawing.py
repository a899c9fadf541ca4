"""A picture as marks in their places, of which every file format is made: rectangles, polygons, curves, text.

All in points, x to the right, y upwards; what comes later lies on top.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Paint:
    """How a mark is filled and outlined; None for no outline."""

    fill: str = "none"
    stroke: str | None = None
    width: str = "1"
    """Of the outline, in points, as it is written."""
    dashes: str = ""
    """Points drawn and points left out, as in ``5,2``; empty for a solid line."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle by its lower left corner, with round corners of a radius."""

    left: float
    bottom: float
    width: float
    height: float
    radius: float
    paint: Paint


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed outline of straight sides."""

    points: tuple[Point, ...]
    paint: Paint


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line of cubic Bézier pieces: a start, and three points for each piece."""

    points: tuple[Point, ...]
    paint: Paint


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text: the point of its baseline at which its start, middle or end is, its size and colour."""

    text: str
    x: float
    y: float
    size: float
    colour: str
    anchor: Anchor = "start"


Mark = Rectangle | Polygon | Stroke | Text


@dataclass(frozen=True, slots=True)
class Drawing:
    """The marks, from the lowest to the uppermost, and the extent of the page that holds them."""

    name: str
    left: float
    bottom: float
    right: float
    top: float
    marks: tuple[Mark, ...]
    scale: float = field(default=1.0, kw_only=True)
    """How large a point of the marks' is on the page, in points."""
    font: str | None = field(default=None, kw_only=True)
    """The family of the type; None for Arial, or what stands in for it."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the page in points, unscaled."""
        return self.right - self.left, self.top - self.bottom
