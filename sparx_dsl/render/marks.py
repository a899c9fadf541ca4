"""The marks of a picture's parts: boxes with their labels, arrows with their heads, lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import atan2, hypot, sin

from sparx_dsl.render.curves import Curve, Point, straight
from sparx_dsl.render.drawing import Anchor, Drawing, Mark, Paint, Polygon, Rectangle, Stroke, Text
from sparx_dsl.render.figure import PAD, Figure
from sparx_dsl.render.legend import SAMPLE, sample_size
from sparx_dsl.render.look import POINTS_PER_MM, Look
from sparx_dsl.render.style import (
    ARROW_LENGTH,
    INK,
    LANE_FILL,
    LANE_LINE,
    LINES,
    SMALL_SIZE,
    Shape,
    label_size,
    text_width,
)

DASHES = {"dashed": "5,2", "dotted": "1,5"}
ROUND = 12.0
"""The radius of rounded corners, in points, where a box is three times as high or higher."""


def drawing(picture: Figure, look: Look) -> Drawing:
    """All marks of a picture of connections, on a page of the width that is asked for."""
    left, right, wanted = picture.left - PAD, picture.right + PAD, look.points(SMALL_SIZE)
    marks, bottom = tuple(_marks(picture)), picture.bottom - PAD
    if look.width is None or wanted is None:
        return Drawing(picture.name, left, bottom, right, PAD, marks, font=look.font)
    # What is narrower stands in the middle; what a page cannot hold is made smaller.
    spare = max(0.0, wanted - (right - left)) / 2
    left, right = left - spare, right + spare
    scale = look.width * POINTS_PER_MM / (right - left)
    return Drawing(picture.name, left, bottom, right, PAD, marks, scale=scale, font=look.font)


def _marks(picture: Figure) -> Iterator[Mark]:
    for lane in picture.layout.lanes:
        middle = ((lane.left + lane.right) / 2, (lane.top + lane.bottom) / 2)
        attributes = {"shape": "box", "style": "rounded", "fillcolor": LANE_FILL, "color": LANE_LINE}
        shape = Shape(attributes, lane.right - lane.left, lane.top - lane.bottom)
        yield from box(shape, middle, shape.width, shape.height)
    for words in picture.words:
        yield from lines(words.text, (words.left, words.middle), words.size, words.colour, "start")
    for drawn, placed in zip(picture.sketch.boxes, picture.layout.boxes, strict=True):
        shape, text = placed.label.shape, placed.label.text
        yield from box(shape, (placed.x, placed.y), shape.width, shape.height)
        # The tip of a head's outline holds no text.
        x = placed.x - shape.height / 5 if placed.label.name == "head" else placed.x
        yield from lines(text, (x, placed.y), label_size(text, drawn), INK, "middle")
    for entry in picture.entries:
        if isinstance(entry.sample, Shape):
            yield from box(entry.sample, (entry.x + SAMPLE / 2, entry.y), *sample_size(entry.sample))
        else:
            yield from arrow(straight((entry.x, entry.y), (entry.x + SAMPLE, entry.y)), entry.sample.attributes)
    for kind, line in LINES.items():
        for arc, curve in zip(picture.sketch.arcs, picture.curves, strict=True):
            if arc.kind == kind:
                yield from arrow(curve, line.attributes)


def box(shape: Shape, middle: Point, width: float, height: float) -> Iterator[Mark]:
    """A box's outline, and a second one around it where the shape has two."""
    paint = replace(_stroke(shape.attributes), fill=shape.attributes["fillcolor"])
    yield _outline(shape.attributes, middle, width, height, paint)
    if shape.extra:
        around = (width + 2 * shape.extra, height + 2 * shape.extra)
        yield _outline(shape.attributes, middle, *around, replace(paint, fill="none"))


def lines(text: str, place: Point, size: float, colour: str, anchor: Anchor) -> Iterator[Text]:
    """The text's lines, their block's middle at that height."""
    rows = text.split("\n")
    for row, line in enumerate(rows):
        base = place[1] - size * (0.3 + 1.2 * (row - (len(rows) - 1) / 2))
        yield Text(line, place[0], base, size, colour, anchor)


def arrow(curve: Curve, attributes: Mapping[str, str]) -> Iterator[Mark]:
    """The curve, and its head, whose stroke ends where the curve's tip is."""
    stroke = _stroke(attributes)
    for piece in (*curve.before, curve.points):
        yield Stroke(piece, stroke)
    kind = attributes.get("arrowhead", "normal")
    half = ARROW_LENGTH * (0.45 if kind == "vee" else 0.35)
    (x, y), tip = curve.points[-1], curve.tip
    ahead = hypot(tip[0] - x, tip[1] - y)
    along = ((tip[0] - x) / ahead, (tip[1] - y) / ahead)
    back = float(attributes["penwidth"]) / 2 / sin(atan2(half, ARROW_LENGTH))
    corners: list[Point] = [(0, 0), (ARROW_LENGTH, half), (ARROW_LENGTH, -half)]
    if kind == "vee":
        corners[2:2] = [(1.66, 0.05), (ARROW_LENGTH, 0.05), (ARROW_LENGTH, -0.05), (1.66, -0.05)]
    points = (
        (tip[0] - along[0] * (back + behind) - along[1] * aside, tip[1] - along[1] * (back + behind) + along[0] * aside)
        for behind, aside in corners
    )
    fill = "none" if kind == "empty" else attributes["color"]
    yield Polygon(tuple(points), replace(stroke, fill=fill, dashes=""))


def _outline(attributes: Mapping[str, str], middle: Point, width: float, height: float, paint: Paint) -> Mark:
    x, y, w, h = *middle, width / 2, height / 2
    if attributes["shape"] == "box":
        radius = min(ROUND, min(width, height) / 3) if "rounded" in attributes["style"] else 0.0
        return Rectangle(x - w, y - h, width, height, radius, paint)
    outlines: dict[str, list[Point]] = {
        "hexagon": [(w, 0), (w / 2, h), (-w / 2, h), (-w, 0), (-w / 2, -h), (w / 2, -h)],
        "trapezium": [(w, h * 7 / 12), (-w, h), (-w, -h), (w, -h * 7 / 12)],
        "cds": [(w - h * 2 / 3, h * 2 / 3), (-w, h * 2 / 3), (-w, -h * 2 / 3), (w - h * 2 / 3, -h * 2 / 3), (w, 0)],
    }
    return Polygon(tuple((x + across, y + up) for across, up in outlines[attributes["shape"]]), paint)


def _stroke(attributes: Mapping[str, str]) -> Paint:
    dashes = [dash for style, dash in DASHES.items() if style in attributes.get("style", "")]
    return Paint("none", attributes["color"], attributes.get("penwidth", "1"), dashes[0] if dashes else "")


def moved(mark: Mark, by: Point) -> Mark:
    """The mark, that far to the right and upwards."""
    match mark:
        case Rectangle():
            return replace(mark, left=mark.left + by[0], bottom=mark.bottom + by[1])
        case Text():
            return replace(mark, x=mark.x + by[0], y=mark.y + by[1])
        case _:
            return replace(mark, points=tuple((x + by[0], y + by[1]) for x, y in mark.points))


def right_of(mark: Mark) -> float:
    """How far a mark reaches to the right."""
    match mark:
        case Rectangle():
            return mark.left + mark.width
        case Text():
            return mark.x + text_width(mark.text, mark.size) * {"start": 1.0, "middle": 0.5, "end": 0.0}[mark.anchor]
        case _:
            return max(x for x, _ in mark.points)


def left_of(mark: Mark) -> float:
    """How far a mark reaches to the left."""
    match mark:
        case Rectangle():
            return mark.left
        case Text():
            return mark.x - text_width(mark.text, mark.size) * {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor]
        case _:
            return min(x for x, _ in mark.points)


def bottom_of(mark: Mark) -> float:
    """How far a mark reaches down."""
    match mark:
        case Rectangle():
            return mark.bottom
        case Text():
            return mark.y - mark.size * 0.3
        case _:
            return min(y for _, y in mark.points)
