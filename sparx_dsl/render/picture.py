"""A connection graph as a picture file: SVG and DOT text, which need nothing, and PNG or PDF by matplotlib."""

from __future__ import annotations

import os
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.dot_text import dot
from sparx_dsl.render.figure import figure
from sparx_dsl.render.files import write_bytes
from sparx_dsl.render.marks import drawing
from sparx_dsl.render.page import page
from sparx_dsl.render.svg import svg

EXTENSIONS = (".dot", ".gv", ".svg", ".png", ".pdf")


def draw(graph: ConnectionGraph, path: str | os.PathLike[str], *, fold: bool = True) -> None:
    """Write the graph's picture; the extension says as what: .svg, .pdf, .png, .dot or .gv.

    With ``fold``, repeats are drawn once (see ``dot``). The file appears complete or not at all. Raises ``SparxError``:
    SPX511 for another extension, SPX750 where a PNG or PDF is wanted and matplotlib is not installed, SPX502 where the
    file cannot be written.
    """
    target = Path(path)
    match target.suffix.lower():
        case ".svg":
            drawn = svg(drawing(figure(graph, fold))).encode()
        case ".dot" | ".gv":
            drawn = dot(graph, fold=fold).encode()
        case ".pdf":
            drawn = page(drawing(figure(graph, fold)), "pdf")
        case ".png":
            drawn = page(drawing(figure(graph, fold)), "png")
        case _:
            message = f"{target.name!r} has an unsupported file extension for a picture"
            advice = f"use one of {', '.join(EXTENSIONS)}"
            raise SparxError(Diagnostic(Code.UNKNOWN_PICTURE_FORMAT, message, help=advice))
    write_bytes(target, drawn)
