"""A connection graph as a picture file: DOT text, SVG, PNG or PDF."""

from __future__ import annotations

import os
from pathlib import Path

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.graph import ConnectionGraph
from sparx_dsl.render.dot_text import dot
from sparx_dsl.render.files import write_bytes
from sparx_dsl.render.programs import TIMEOUT, Find, find_program, render
from sparx_dsl.render.svg import reduce_svg

TEXT_SUFFIXES = (".dot", ".gv")
DRAWN_SUFFIXES = (".svg", ".png", ".pdf")


def draw(
    graph: ConnectionGraph,
    path: str | os.PathLike[str],
    *,
    fold: bool = True,
    find: Find = find_program,
    timeout: float = TIMEOUT,
) -> None:
    """Write the graph's picture; the extension says as what: .dot or .gv (text), .svg, .png, .pdf.

    With ``fold``, repeats are drawn once (see ``dot``). ``find`` and ``timeout`` are those of ``render``. The file
    appears complete or not at all. Raises ``SparxError``: SPX511 for another extension, SPX510 where a picture is
    wanted and no Graphviz is there, SPX512 where Graphviz fails, SPX502 where the file cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (*TEXT_SUFFIXES, *DRAWN_SUFFIXES):
        known = ", ".join((*TEXT_SUFFIXES, *DRAWN_SUFFIXES))
        raise SparxError(
            Diagnostic(
                "SPX511",
                f"{target.name!r} does not say what kind of picture to write",
                help=f"end the file's name in one of {known}",
            )
        )
    text = dot(graph, fold=fold)
    if suffix in TEXT_SUFFIXES:
        write_bytes(target, text.encode())
        return
    drawn = render(text, suffix[1:], find=find, timeout=timeout)
    write_bytes(target, _svg(drawn, graph.spec.name) if suffix == ".svg" else drawn)


def _svg(drawn: bytes, title: str) -> bytes:
    try:
        return reduce_svg(drawn.decode(), title).encode()
    except ValueError as error:
        raise SparxError(Diagnostic("SPX512", str(error))) from None
