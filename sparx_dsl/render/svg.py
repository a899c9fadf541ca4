"""Graphviz's SVG, reduced to what a drawing needs: listed elements and attributes, and nothing from elsewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

NAMESPACE = "http://www.w3.org/2000/svg"
ELEMENTS = frozenset({"svg", "g", "title", "path", "polygon", "polyline", "ellipse", "text"})
ATTRIBUTES = frozenset({
    "width", "height", "viewBox", "transform", "class", "fill", "stroke", "stroke-width", "stroke-dasharray", "d",
    "points", "cx", "cy", "rx", "ry", "x", "y", "text-anchor", "font-family", "font-size",
})  # fmt: skip
FAMILY = "Arial, Helvetica, sans-serif"


def reduce_svg(text: str, title: str) -> str:
    """The SVG with only the listed elements and attributes, under that title.

    Left out: the doctype (it names an outside document), comments, ids, and the titles of nodes and edges, which
    browsers would show as tooltips. Raises ``ValueError`` where the text is no SVG.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  what Graphviz made of our own DOT text, not a user's file
    except ElementTree.ParseError as error:
        raise ValueError(f"Graphviz gave something that is no SVG: {error}") from None
    if _name(root) != "svg":
        raise ValueError("Graphviz gave something that is no SVG")
    reduced = _reduced(root)
    heading = ElementTree.Element("title")
    heading.text = title
    reduced.insert(0, heading)
    reduced.set("xmlns", NAMESPACE)
    ElementTree.indent(reduced, space=" ")
    return ElementTree.tostring(reduced, encoding="unicode") + "\n"


def _reduced(element: ElementTree.Element) -> ElementTree.Element:
    kept = {key: _value(key, value) for key, value in element.items() if key in ATTRIBUTES}
    copy = ElementTree.Element(_name(element), kept)
    copy.text = element.text if copy.tag == "text" else None
    copy.extend(_reduced(child) for child in element if _name(child) in ELEMENTS - {"title"})
    return copy


def _value(key: str, value: str) -> str:
    if key == "font-family":
        return FAMILY
    if "url(" in value.lower():
        return "none"
    return "none" if value == "transparent" else value


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).removeprefix(f"{{{NAMESPACE}}}")
