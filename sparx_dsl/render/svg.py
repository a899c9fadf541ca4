"""A drawing as SVG, written without any program: shapes, lines and text, nothing from elsewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping

from sparx_dsl.errors.escape import visible
from sparx_dsl.render.curves import number
from sparx_dsl.render.drawing import Drawing, Mark, Paint, Point, Polygon, Rectangle, Stroke

NAMESPACE = "http://www.w3.org/2000/svg"
FAMILY = "Arial, Helvetica, sans-serif"


def svg(drawing: Drawing) -> str:
    """The text of an SVG with the drawing's name as its title."""
    sides = dict(zip(("width", "height"), map(number, drawing.size), strict=True))
    corner = {"x": number(drawing.left), "y": number(-drawing.top)}
    width, height = (number(side * drawing.scale) for side in drawing.size)
    family = FAMILY if drawing.font is None else f"'{drawing.font}', {FAMILY}"
    root = ElementTree.Element("svg", {
        "xmlns": NAMESPACE, "role": "img", "width": f"{width}pt", "height": f"{height}pt",
        "viewBox": " ".join((*corner.values(), *sides.values())), "font-family": family,
    })  # fmt: skip
    ElementTree.SubElement(root, "title").text = visible(drawing.name)
    ElementTree.SubElement(root, "rect", {**corner, **sides, "fill": "white"})
    for mark in drawing.marks:
        _add(root, mark)
    ElementTree.indent(root, space=" ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(root: ElementTree.Element, mark: Mark) -> None:
    match mark:
        case Rectangle():
            sides = {"x": mark.left, "y": -mark.bottom - mark.height, "width": mark.width, "height": mark.height}
            written = {key: number(value) for key, value in {**sides, "rx": mark.radius}.items()}
            ElementTree.SubElement(root, "rect", {**written, **_painted(mark.paint)})
        case Polygon():
            ElementTree.SubElement(root, "polygon", {"points": " ".join(_pairs(mark.points)), **_painted(mark.paint)})
        case Stroke():
            first, *rest = _pairs(mark.points)
            ElementTree.SubElement(root, "path", {"d": f"M{first}C{' '.join(rest)}", **_painted(mark.paint)})
        case _:
            where = {"x": number(mark.x), "y": number(-mark.y), "font-size": number(mark.size)}
            line = ElementTree.SubElement(root, "text", {"text-anchor": mark.anchor, **where, "fill": mark.colour})
            line.text = visible(mark.text)


def _painted(paint: Paint) -> Mapping[str, str]:
    found = {"fill": paint.fill}
    if paint.stroke is not None:
        found |= {"stroke": paint.stroke, "stroke-width": paint.width}
    return {**found, "stroke-dasharray": paint.dashes} if paint.dashes else found


def _pairs(points: Iterable[Point]) -> Iterable[str]:
    return (f"{number(x)},{number(-y)}" for x, y in points)
