"""The command ``sparx report``: a page about a backbone or a study; the work is done by the public API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import Errors
from sparx_dsl.cli.options import DTypeName, Style, parse_size, refuse, reporting

STUDY_EXTENSIONS = (".journal", ".db", ".sqlite", ".sqlite3")


def report_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SPEC | SPACE",
            help="A YAML file, or a name that sparx list prints; with --study, a search space.",
            show_default=False,
        ),
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
    study: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Report on this study of the space.", show_default=False)
    ] = None,
    errors: Errors = Style.full,
) -> None:
    """Write a page that explains a spec: diagram, costs, memory, training; what differs from another; or a study."""
    with reporting(errors):
        sides = parse_size(size)
        if study is None:
            refuse_study(source)
            sparx_dsl.write_report(source, output, against, size=sides, batch=batch, dtype=dtype.value)
            return
        if against is not None or sides is not None or batch != 1 or dtype is not DTypeName.float32:
            message = "a study is reported as its trials were: without --against, --size, --batch and --dtype"
            refuse(sparx_dsl.Code.INVALID_REPORT, message, f"write sparx report {source} --study {study} -o {output}")
        sparx_dsl.write_study_report(sparx_dsl.read_study(source, study), output)


def refuse_study(source: Path) -> None:
    """Say what to write where the file of a study is given in place of a spec; raises ``SparxError``."""
    if source.suffix in STUDY_EXTENSIONS:
        message = f"{source.name} is the file of a study, which does not hold its search space"
        refuse(sparx_dsl.Code.INVALID_REPORT, message, f"write sparx report SPACE --study {source}, and -o")
