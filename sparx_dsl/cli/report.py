"""The command ``sparx report``: a page about a backbone; the work is done by the public API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.options import DTypeName, Style, parse_size, reporting


def report_command(
    spec: Annotated[
        Path,
        typer.Argument(metavar="SPEC", help="A YAML file, or a name that sparx list prints.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write, an .html file.")],
    against: Annotated[
        Path | None, typer.Option(metavar="SPEC", help="Say what differs from this spec.", show_default=False)
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="N | HxW", help="The image's size in pixels; by default the spec's.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images at once, for all bytes.")] = 1,
    dtype: Annotated[DTypeName, typer.Option(help="Type of the feature maps, for their bytes.")] = DTypeName.float32,
    style: Annotated[Style, typer.Option("--format", help="How errors are reported.")] = Style.full,
) -> None:
    """Write a page that explains a spec: diagram, costs, memory, training; and what differs from another."""
    with reporting(style):
        sides = parse_size(size)
        sparx_dsl.write_report(spec, output, against, size=sides, batch=batch, dtype=dtype.value)
