"""The command ``sparx draw``: the connections of a spec, or what a layer is inside, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import Errors, Head, Root, SpecFile
from sparx_dsl.cli.options import Emit, PictureStyle, Style, note, reporting
from sparx_dsl.cli.output import STANDARD_OUTPUT
from sparx_dsl.cli.specs import loaded
from sparx_dsl.cli.terminal import write
from sparx_dsl.cli.version import Version


def draw_command(
    spec: SpecFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="A .svg, .pdf, .png or .dot file; - prints SVG.")],
    layer: Annotated[
        str | None, typer.Argument(metavar="LAYER", help="Draw what this is inside.", show_default=False)
    ] = None,
    style: Annotated[PictureStyle, typer.Option(help="How the connections are shown.")] = PictureStyle.lanes,
    width: Annotated[
        float | None, typer.Option(metavar="MM", help="The page's width: 84 for a column, with type of 7 points.")
    ] = None,
    font: Annotated[str | None, typer.Option(metavar="FAMILY", help="The type; Arial by default.")] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="A line above the picture.")] = None,
    legend: Annotated[bool, typer.Option(help="Say below what shapes and lines mean.")] = True,
    stages: Annotated[
        str | None, typer.Option(metavar="STAGES", help="Only these, by number or name, as in 1,3 or 2-4.")
    ] = None,
    fold: Annotated[bool, typer.Option(help="Draw repeats once.")] = True,
    head: Head = None,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Draw the connections of a spec, or what one of its layers is inside."""
    with reporting(errors):
        drawn = sparx_dsl.draw(
            loaded(spec, head, root),
            style=style.value, width=width, font=font, title=title, legend=legend, stages=stages, fold=fold,
            layer=layer,
        )  # fmt: skip
        deliver(drawn, output)
        for finding in drawn.notes:
            note(finding)


def deliver(drawn: sparx_dsl.Picture, output: Path, form: Emit = Emit.svg) -> None:
    """Write a picture to a file, or to standard output in that form for ``-``."""
    if output != STANDARD_OUTPUT:
        drawn.save(output)
    elif form is Emit.svg:
        write(drawn.svg.encode())
    else:
        write(drawn.pdf if form is Emit.pdf else drawn.png)
