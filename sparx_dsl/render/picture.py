"""A connection graph as a picture, which shows itself in notebooks and is saved as SVG, PDF, PNG or DOT text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.dot_text import dot
from sparx_dsl.render.drawing import Drawing, Text
from sparx_dsl.render.figure import figure
from sparx_dsl.render.files import write_bytes
from sparx_dsl.render.inside import layer_drawing, overview
from sparx_dsl.render.look import POINTS_PER_MM, TYPE_SIZE, Look, refuse
from sparx_dsl.render.marks import drawing
from sparx_dsl.render.matrix import matrix
from sparx_dsl.render.page import page
from sparx_dsl.render.svg import svg

PAGE_HEIGHT = 225
"""The height in mm of the text of a page, as in the styles of CVPR and AAAI."""
EXTENSIONS = (".dot", ".gv", ".svg", ".png", ".pdf")


@dataclass(frozen=True, slots=True)
class Picture:
    """What ``draw`` gives: the marks of a picture, and its DOT text where it has one."""

    drawing: Drawing
    dot: str | None = None
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    """What stands in the way of printing it on a page of the width that was asked for, and what to do about it."""

    @property
    def millimetres(self) -> tuple[float, float]:
        """Width and height of the page."""
        width, height = (side * self.drawing.scale / POINTS_PER_MM for side in self.drawing.size)
        return width, height

    @property
    def svg(self) -> str:
        """The text of an SVG, with nothing in it from elsewhere."""
        return svg(self.drawing)

    @property
    def pdf(self) -> bytes:
        """The bytes of a PDF; raises ``SparxError`` (SPX750 without matplotlib, SPX513 for an unknown font)."""
        return page(self.drawing, "pdf")

    @property
    def png(self) -> bytes:
        """The bytes of a PNG of 300 dots per inch; raises ``SparxError`` as ``pdf`` does."""
        return page(self.drawing, "png")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture; the extension says as what: .svg, .pdf, .png, .dot or .gv.

        The file appears complete or not at all. Raises ``SparxError``: SPX511 for another extension, SPX502 where the
        file cannot be written, and those of ``pdf``.
        """
        target = Path(path)
        match target.suffix.lower():
            case ".svg":
                drawn = self.svg.encode()
            case ".pdf":
                drawn = self.pdf
            case ".png":
                drawn = self.png
            case ".dot" | ".gv" if self.dot is not None:
                drawn = self.dot.encode()
            case _:
                raise _unknown(target)
        write_bytes(target, drawn)

    def _repr_svg_(self) -> str:
        """How notebooks show it."""
        return self.svg

    def __repr__(self) -> str:
        width, height = self.millimetres
        return f"Picture({self.drawing.name!r}, {width:.0f} × {height:.0f} mm)"


def make_picture(graph: ConnectionGraph, look: Look | None = None, layer: str | None = None) -> Picture:
    """The picture of a graph, or of what one of its layers is inside.

    Raises ``SparxError``: SPX514 for stages or a layer that are not there, or both at once, SPX413 where the diagram of
    another package's fusion fails.
    """
    look = look or Look()
    picture = _made(graph, look, layer)
    if look.width is None:
        return picture
    advice = _to_lower(graph, look, layer)
    return replace(picture, notes=tuple(_notes(picture, look.width, advice)))


def _notes(picture: Picture, width: float, lower: str) -> Iterator[str]:
    """What a page of that width, in mm, does not hold; ``lower`` says how a picture becomes lower."""
    _, height = picture.millimetres
    if height > PAGE_HEIGHT:
        yield f"the picture is {height:.0f} mm high, and the text of a page about {PAGE_HEIGHT}: {lower}"
    least = min(mark.size for mark in picture.drawing.marks if isinstance(mark, Text)) * picture.drawing.scale
    if least < TYPE_SIZE - 0.05:
        wider = f"{width * TYPE_SIZE / least:.0f}"
        yield f"its smallest type is {least:.1f} points, not {TYPE_SIZE:g}: write --width {wider}, about, for that"


def _to_lower(graph: ConnectionGraph, look: Look, layer: str | None) -> str:
    """What makes the picture lower: only what it does not have yet."""
    wider = "write a larger --width, such as 174 for two columns"
    if layer is not None:
        return wider
    other = ["show fewer stages in a picture each, as in --stages 1-2"] if len(look.shown(graph)) > 1 else []
    other += ["write --style matrix"] if look.style != "matrix" else []
    return "; or ".join([", or ".join(other), wider] if other else [wider])


def _made(graph: ConnectionGraph, look: Look, layer: str | None) -> Picture:
    if layer is not None:
        if look.stages is not None or look.style != "lanes":
            refuse(
                "a picture of one layer has neither stages nor a style", f"write sparx draw SPEC {layer} without them"
            )
        return Picture(layer_drawing(graph, layer, look))
    match look.style:
        case "matrix":
            return Picture(matrix(graph, look))
        case "overview":
            return Picture(overview(graph, look))
        case _:
            return Picture(drawing(figure(graph, look), look), dot(graph, look))


def _unknown(target: Path) -> SparxError:
    message = f"{target.name!r} has an unsupported file extension for a picture"
    if target.suffix.lower() in EXTENSIONS:
        message = f"{target.name!r} asks for DOT text, which only the connections in lanes have"
    advice = f"use one of {', '.join(EXTENSIONS)}"
    return SparxError(Diagnostic(Code.UNKNOWN_PICTURE_FORMAT, message, help=advice))
