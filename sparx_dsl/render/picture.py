"""A connection graph as a picture, which shows itself in notebooks and is saved as SVG, PDF, PNG or DOT text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.dot_text import dot
from sparx_dsl.render.drawing import Drawing
from sparx_dsl.render.figure import figure
from sparx_dsl.render.files import write_bytes
from sparx_dsl.render.inside import layer_drawing, overview
from sparx_dsl.render.look import Look
from sparx_dsl.render.marks import drawing
from sparx_dsl.render.matrix import matrix
from sparx_dsl.render.page import page
from sparx_dsl.render.svg import svg

EXTENSIONS = (".dot", ".gv", ".svg", ".png", ".pdf")


@dataclass(frozen=True, slots=True)
class Picture:
    """What ``draw`` gives: the marks of a picture, and its DOT text where it has one."""

    drawing: Drawing
    dot: str | None = None

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
        width, height = (side * self.drawing.scale * 25.4 / 72 for side in self.drawing.size)
        return f"Picture({self.drawing.name!r}, {width:.0f} × {height:.0f} mm)"


def make_picture(graph: ConnectionGraph, look: Look | None = None, layer: str | None = None) -> Picture:
    """The picture of a graph, or of what one of its layers is inside.

    Raises ``SparxError``: SPX514 for stages or a layer that are not there, SPX413 where the diagram of another
    package's fusion fails.
    """
    look = look or Look()
    if layer is not None:
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
