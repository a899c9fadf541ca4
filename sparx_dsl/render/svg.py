"""A picture as SVG, drawn from its positions without any program: shapes, lines and text, nothing from elsewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from math import atan2, hypot, sin

from sparx_dsl.errors.escape import visible
from sparx_dsl.render.curves import Curve, Point, number, straight
from sparx_dsl.render.figure import PAD, Figure
from sparx_dsl.render.legend import SAMPLE, sample_size
from sparx_dsl.render.style import ARROW_LENGTH, INK, LANE_FILL, LANE_LINE, LINES, Shape, label_size

NAMESPACE = "http://www.w3.org/2000/svg"
FAMILY = "Arial, Helvetica, sans-serif"
DASHES = {"dashed": "5,2", "dotted": "1,5"}
ROUND = 12.0
"""The radius of rounded corners, in points, where a box is three times as high or higher."""


def svg(picture: Figure) -> str:
    """The text of an SVG with the picture's name as its title."""
    width, height = picture.right - picture.left + 2 * PAD, -picture.bottom + 2 * PAD
    sides = {"width": number(width), "height": number(height)}
    corner = {"x": number(picture.left - PAD), "y": number(-PAD)}
    root = ElementTree.Element("svg", {
        "xmlns": NAMESPACE, "role": "img", "width": f"{sides['width']}pt", "height": f"{sides['height']}pt",
        "viewBox": " ".join((*corner.values(), *sides.values())), "font-family": FAMILY,
    })  # fmt: skip
    ElementTree.SubElement(root, "title").text = visible(picture.name)
    ElementTree.SubElement(root, "rect", {**corner, **sides, "fill": "white"})
    for lane in picture.layout.lanes:
        middle = ((lane.left + lane.right) / 2, (lane.top + lane.bottom) / 2)
        shape = Shape({"shape": "box", "style": "rounded", "fillcolor": LANE_FILL, "color": LANE_LINE},
                      lane.right - lane.left, lane.top - lane.bottom)  # fmt: skip
        _add_shape(root, shape, middle, shape.width, shape.height)
    for words in picture.words:
        _add_text(root, words.text, (words.left, words.middle), words.size, words.colour, "start")
    for box, placed in zip(picture.sketch.boxes, picture.layout.boxes, strict=True):
        shape, text = placed.label.shape, placed.label.text
        _add_shape(root, shape, (placed.x, placed.y), shape.width, shape.height)
        _add_text(root, text, (placed.x, placed.y), label_size(text, box), INK, "middle")
    for entry in picture.entries:
        if isinstance(entry.sample, Shape):
            _add_shape(root, entry.sample, (entry.x + SAMPLE / 2, entry.y), *sample_size(entry.sample))
        else:
            _add_arrow(root, straight((entry.x, entry.y), (entry.x + SAMPLE, entry.y)), entry.sample.attributes)
    for kind, line in LINES.items():
        for arc, curve in zip(picture.sketch.arcs, picture.curves, strict=True):
            if arc.kind == kind:
                _add_arrow(root, curve, line.attributes)
    ElementTree.indent(root, space=" ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_shape(root: ElementTree.Element, shape: Shape, middle: Point, width: float, height: float) -> None:
    """A box's outline, and a second one around it where the shape has two."""
    paint = {"fill": shape.attributes["fillcolor"], **_stroke(shape.attributes)}
    _add_outline(root, shape.attributes, middle, width, height, paint)
    if shape.extra:
        paint["fill"] = "none"
        _add_outline(root, shape.attributes, middle, width + 2 * shape.extra, height + 2 * shape.extra, paint)


def _add_outline(
    root: ElementTree.Element, attributes: Mapping[str, str], middle: Point, width: float, height: float,
    paint: Mapping[str, str],
) -> None:  # fmt: skip
    x, y, w, h = *middle, width / 2, height / 2
    if attributes["shape"] == "box":
        radius = min(ROUND, min(width, height) / 3) if "rounded" in attributes["style"] else 0.0
        sides = {"x": x - w, "y": -y - h, "width": width, "height": height, "rx": radius}
        ElementTree.SubElement(root, "rect", {**{key: number(value) for key, value in sides.items()}, **paint})
        return
    outlines: dict[str, list[Point]] = {
        "hexagon": [(w, 0), (w / 2, h), (-w / 2, h), (-w, 0), (-w / 2, -h), (w / 2, -h)],
        "trapezium": [(w, h * 7 / 12), (-w, h), (-w, -h), (w, -h * 7 / 12)],
        "cds": [(w - h * 2 / 3, h * 2 / 3), (-w, h * 2 / 3), (-w, -h * 2 / 3), (w - h * 2 / 3, -h * 2 / 3), (w, 0)],
    }
    points = ((x + across, y + up) for across, up in outlines[attributes["shape"]])
    ElementTree.SubElement(root, "polygon", {"points": _points(points), **paint})


def _add_text(root: ElementTree.Element, text: str, place: Point, size: float, colour: str, anchor: str) -> None:
    """The text's lines, their block's middle at that height."""
    lines = text.split("\n")
    for row, line in enumerate(lines):
        base = -place[1] + size * (0.3 + 1.2 * (row - (len(lines) - 1) / 2))
        where = {"x": number(place[0]), "y": number(base), "font-size": number(size)}
        ElementTree.SubElement(root, "text", {"text-anchor": anchor, **where, "fill": colour}).text = visible(line)


def _add_arrow(root: ElementTree.Element, curve: Curve, attributes: Mapping[str, str]) -> None:
    """The curve, and its head, whose stroke ends where the curve's tip is."""
    first, *rest = (f"{number(x)},{number(-y)}" for x, y in curve.points)
    stroke = _stroke(attributes)
    ElementTree.SubElement(root, "path", {"d": f"M{first}C{' '.join(rest)}", "fill": "none", **stroke})
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
    solid = {key: value for key, value in stroke.items() if key != "stroke-dasharray"}
    ElementTree.SubElement(root, "polygon", {"points": _points(points), "fill": fill, **solid})


def _stroke(attributes: Mapping[str, str]) -> dict[str, str]:
    dashes = [dash for style, dash in DASHES.items() if style in attributes.get("style", "")]
    found = {"stroke": attributes["color"], "stroke-width": attributes.get("penwidth", "1")}
    return {**found, "stroke-dasharray": dashes[0]} if dashes else found


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{number(x)},{number(-y)}" for x, y in points)
