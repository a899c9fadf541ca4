"""How things look: shapes, sizes in points, and colours that colour-blind readers and grey prints distinguish.

Colours are those of Okabe and Ito (2008). No two kinds differ by colour alone: layers differ in shape and
connections in line style, and intra-connections bow below the row, inter-connections above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sparx_dsl.render.fold import Box, LineKind

FONT = "Arial"
LAYER_SIZE = 11
TITLE_SIZE = 13
SMALL_SIZE = 10
INK = "#222222"
FAINT = "#555555"
LANE_FILL = "#f6f6f4"
LANE_LINE = "#c8c8c4"
ARROW = 0.6
ARROW_LENGTH = 10 * ARROW
"""Points from an arrow's tip to where its line ends; Graphviz draws arrows of 10 points at size 1."""

ShapeName = Literal["stem", "downsample", "normal", "ganglion", "head", "run", "repeats"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of box: its attributes in Graphviz's words, and its size in points."""

    attributes: Mapping[str, str]
    width: float
    height: float
    extra: float = 0.0
    """Points that a second outline adds on each side."""

    @property
    def reach(self) -> float:
        """Points from the middle to the left or right end."""
        return self.width / 2 + self.extra


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of connection: what the legend calls it, and its attributes in Graphviz's words."""

    name: str
    attributes: Mapping[str, str]


PLAIN = {"shape": "box", "style": "filled", "fillcolor": "#e4e4e4", "color": "#555555"}
NORMAL = {"shape": "box", "style": "rounded,filled", "fillcolor": "#d6ebf8", "color": "#0072b2"}
HUB = {"shape": "hexagon", "style": "filled", "fillcolor": "#f5b335", "color": "#8a5a00", "penwidth": "1.6"}
SHAPES: Mapping[ShapeName, Shape] = {
    "stem": Shape(PLAIN, 34, 30),
    "downsample": Shape({**PLAIN, "shape": "trapezium", "orientation": "-90"}, 30, 34),
    "normal": Shape(NORMAL, 34, 28),
    "ganglion": Shape(HUB, 46, 36),
    "head": Shape({**PLAIN, "shape": "cds"}, 44, 28),
    "run": Shape({**NORMAL, "peripheries": "2"}, 48, 34, 4),
    "repeats": Shape({**NORMAL, "style": "rounded,filled,dashed", "fillcolor": "#ffffff", "color": "#222222"}, 84, 38),
}
LINES: Mapping[LineKind, Line] = {
    "feed": Line("feed", {"color": "#555555", "penwidth": "1.2"}),
    "intra": Line("intra-connection", {"color": "#0072b2", "penwidth": "1.1", "arrowhead": "vee"}),
    "inter": Line("inter-connection", {"color": "#d55e00", "penwidth": "1.6"}),
    "cross_stage": Line("cross-stage connection", {"color": "#007a5a", "penwidth": "1.4", "style": "dashed"}),
    "added": Line("added link", {"color": "#b0468c", "penwidth": "2", "style": "dotted"}),
    "tap": Line(
        "map that the head reads", {"color": "#222222", "penwidth": "1.2", "style": "dashed", "arrowhead": "empty"}
    ),
    "cut": Line("cut link", {"color": "#a0a0a0", "penwidth": "0.9", "style": "dashed", "arrowhead": "vee"}),
}
TWO_LINES = 14
"""Points by which layers with a second line are wider; they are half as much higher."""


def shape_name(box: Box) -> ShapeName:
    """Which shape a box has."""
    if box.like:
        return "repeats"
    if len(box.nodes) > 1:
        return "run"
    if box.node.role == "layer":
        return "ganglion" if box.node.ganglion else "normal"
    return box.node.role


def label_size(text: str, box: Box) -> int:
    """The size of the type of a box's label: a layer's single line is larger."""
    return LAYER_SIZE if "\n" not in text and box.node.role == "layer" else SMALL_SIZE


def text_width(text: str, size: float) -> float:
    """About how many points a text takes in Arial, on the generous side."""
    return size * sum(_letter_width(letter) for letter in text)


def text_lines(text: str, width: float | None, size: float) -> list[str]:
    """The text in lines of at most ``width`` points, as far as its words allow; one without a width."""
    first, *words = text.split(" ")
    found = [first]
    for word in words:
        longer = f"{found[-1]} {word}"
        if width is None or text_width(longer, size) <= width:
            found[-1] = longer
        else:
            found.append(word)
    return found


def shortened(text: str, width: float, size: float, end: int = 0) -> str:
    """The text in at most ``width`` points: with an ellipsis in place of what stands before its last letters."""
    shown, kept, tail = text, len(text) - end, text[len(text) - end :]
    while text_width(shown, size) > width and kept > 1:
        kept -= 1
        shown = f"{text[:kept].rstrip()}…{tail}"
    return shown


def _letter_width(letter: str) -> float:
    """The width of a letter in units of the type's size."""
    if letter in "ijlt.,:;'|! \N{NO-BREAK SPACE}·()-[]":
        return 0.33
    if letter in "mwMW→…%@":
        return 1.0
    return 0.75 if letter.isupper() else 0.6
