"""A connection graph as a picture file: SVG and DOT text, which need no program, and PNG or PDF by Graphviz."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.dot_text import digraph, dot
from sparx_dsl.render.figure import Figure, figure
from sparx_dsl.render.files import write_bytes
from sparx_dsl.render.svg import svg

EXTENSIONS = (".dot", ".gv", ".svg", ".png", ".pdf")
PNG_RESOLUTION = 200
"""Dots per inch."""


def draw(graph: ConnectionGraph, path: str | os.PathLike[str], *, fold: bool = True) -> None:
    """Write the graph's picture; the extension says as what: .svg, .dot or .gv, or .png or .pdf by Graphviz.

    With ``fold``, repeats are drawn once (see ``dot``). The file appears complete or not at all. Raises ``SparxError``:
    SPX511 for another extension, SPX510 where a PNG or PDF is wanted and Graphviz's program is not there, SPX512 where
    that fails, SPX502 where the file cannot be written.
    """
    target = Path(path)
    match target.suffix.lower():
        case ".svg":
            drawn = svg(figure(graph, fold)).encode()
        case ".dot" | ".gv":
            drawn = dot(graph, fold=fold).encode()
        case ".png" | ".pdf" as extension:
            drawn = _by_graphviz(figure(graph, fold), extension[1:])
        case _:
            message = f"{target.name!r} has an unsupported file extension for a picture"
            advice = f"use one of {', '.join(EXTENSIONS)}"
            raise SparxError(Diagnostic(Code.UNKNOWN_PICTURE_FORMAT, message, help=advice))
    write_bytes(target, drawn)


def _by_graphviz(picture: Figure, kind: str) -> bytes:
    """The picture as Graphviz's program draws it; raises ``SparxError``."""
    import graphviz

    source = digraph(picture)
    if kind == "png":
        source.attr("graph", dpi=str(PNG_RESOLUTION))
    try:
        drawn = source.pipe(kind, neato_no_op=2, quiet=True)
    except graphviz.ExecutableNotFound:
        message = f"a {kind.upper()} is drawn by Graphviz's program dot, which is not installed here"
        advice = "install Graphviz (https://graphviz.org/download/), or write an .svg, which needs no program"
        raise SparxError(Diagnostic(Code.GRAPHVIZ_NOT_INSTALLED, message, help=advice)) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise _failure(kind, _reason(error)) from None
    if not drawn:
        raise _failure(kind, "it wrote nothing")
    return drawn


def _failure(kind: str, reason: str) -> SparxError:
    return SparxError(
        Diagnostic(Code.GRAPHVIZ_FAILED, f"Graphviz could not draw the {kind.upper()}", notes=(f"dot: {reason}",))
    )


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    """Why the program failed: the last line that it said."""
    said: bytes = (error.stderr or b"") if isinstance(error, subprocess.CalledProcessError) else b""
    return (said.decode(errors="replace").strip().splitlines() or [str(error)])[-1]
