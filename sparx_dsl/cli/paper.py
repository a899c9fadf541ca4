"""The command ``sparx paper``: a paper's figures beside our counts, or beside what is measured on this machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, DType, Errors, Output
from sparx_dsl.cli.options import FLOAT32, Style, refuse, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.progress import Progress
from sparx_dsl.cli.terminal import quiet_profiler
from sparx_dsl.cli.version import Version

SMALL_SIZE = 224
"""The size that is measured by default where there is no GPU."""


class Measure(StrEnum):
    """What can be measured of a paper's figures."""

    throughput = "throughput"


def paper_command(
    figures: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FIGURES...", help="By default those that come with the package.", show_default=False),
    ] = None,
    measure: Annotated[
        Measure | None, typer.Option(help="Run what the paper has run, on this machine.", show_default=False)
    ] = None,
    tables: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Measure only these tables, as in 4,5; all by default.")
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="Measure only these sides of images; on CUDA all, elsewhere 224."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Images at once; on CUDA the printed number, elsewhere 1.")
    ] = None,
    device: Annotated[str, typer.Option(help="As torch names it: cpu, cuda, cuda:1, mps.")] = "cpu",
    dtype: DType = FLOAT32,
    deploy: Annotated[bool, typer.Option("--deploy", help="Fold norms and residuals into weights first.")] = False,
    compile: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="How long each backbone runs, at least.")] = 3.0,
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Print a paper's figures beside our counts; or with --measure beside what is measured here."""
    with reporting(errors):
        form = chosen_form(json, csv, markdown)
        if measure is None:
            if tables or sizes or batch:
                message = "the counts are for all tables and sizes"
                advice = "add --measure throughput, or leave these options out"
                refuse(sparx_dsl.Code.CONFLICTING_OPTIONS, message, advice)
            present(sparx_dsl.paper_listing(figures or ()), form, output)
            return
        if figures is not None and len(figures) > 1:
            message = f"{len(figures)} files of figures, of which one can be measured"
            refuse(sparx_dsl.Code.CONFLICTING_OPTIONS, message, "name one of them")
        on_cuda = device.startswith("cuda")
        quiet_profiler()
        with Progress() as progress:
            listing = sparx_dsl.paper_throughput(
                figures[0] if figures else None, tables=None if tables is None else tables.split(","),
                sizes=numbers(sizes) if sizes is not None else None if on_cuda else [SMALL_SIZE],
                batch=batch or (None if on_cuda else 1), device=device, dtype=sparx_dsl.read_dtype(dtype),
                deploy=deploy, compile=compile, seconds=seconds, progress=progress.report,
            )  # fmt: skip
        present(listing, form, output)


def numbers(text: str) -> list[int]:
    """Numbers with commas between them; raises ``SparxError``."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 7 for part in parts):
        message = f"invalid sizes {text!r}"
        refuse(sparx_dsl.Code.INVALID_SIZE_OPTION, message, "write numbers with commas between, as in --sizes 224,384")
    return list(map(int, parts))
