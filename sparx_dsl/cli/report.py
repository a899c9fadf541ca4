"""The command ``sparx report``: a page about a backbone or a study; the work is done by the public API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import (
    AsCsv,
    AsJson,
    AsMarkdown,
    Batch,
    DType,
    Errors,
    Root,
    Size,
    complete_spec,
)
from sparx_dsl.cli.options import FLOAT32, Style, parse_size, refuse, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.specs import refuse_second_input
from sparx_dsl.cli.version import Version

STUDY_EXTENSIONS = (".journal", ".db", ".sqlite", ".sqlite3")


def report_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SPEC | SPACE",
            help="A YAML file, or a name that sparx list prints; with --study, a search space.",
            show_default=False,
            autocompletion=complete_spec,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write, an .html file.")],
    against: Annotated[
        Path | None, typer.Option(metavar="SPEC", help="Say what differs from this spec.", show_default=False)
    ] = None,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = FLOAT32,
    study: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Report on this study of the space.", show_default=False)
    ] = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Write a page that explains a spec: diagram, costs, memory, training; what differs from another; or a study."""
    with reporting(errors):
        form, sides = chosen_form(json, csv, markdown), parse_size(size)
        if study is None:
            refuse_study(source)
            refuse_second_input((source, against))
            spec = sparx_dsl.load_spec(source, root=root)
            other = None if against is None else sparx_dsl.load_spec(against, root=root)
            sparx_dsl.write_report(
                spec, output, other, size=sides, batch=batch, dtype=sparx_dsl.read_dtype(dtype)
            )  # fmt: skip
            about = [spec.name, *([] if other is None else [other.name])]
        else:
            if against is not None or sides is not None or batch != 1 or dtype != FLOAT32:
                message = "a study is reported as its trials were: without --against, --size, --batch and --dtype"
                refuse(
                    sparx_dsl.Code.INVALID_REPORT, message, f"write sparx report {source} --study {study} -o {output}"
                )
            found = sparx_dsl.read_study(sparx_dsl.load_space(source, root=root), study)
            sparx_dsl.write_study_report(found, output)
            about = [found.space.name]
        present(sparx_dsl.written_report(output, about), form)


def refuse_study(source: Path) -> None:
    """Say what to write where the file of a study is given in place of a spec; raises ``SparxError``."""
    if source.suffix in STUDY_EXTENSIONS:
        message = f"{source.name} is the file of a study, which does not hold its search space"
        refuse(sparx_dsl.Code.INVALID_REPORT, message, f"write sparx report SPACE --study {source}, and -o")
