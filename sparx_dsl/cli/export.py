"""The command ``sparx export``: a file for another runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, OnlyErrors, Root, Size
from sparx_dsl.cli.options import ExportFormat, Style, parse_size, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.progress import Progress
from sparx_dsl.cli.version import Version

CHECKPOINT: Final = ".safetensors"
FRESH: Final = "its weights are freshly drawn; --weights names a file of others"


def export_command(
    source: Annotated[Path, typer.Argument(metavar="SPEC | FILE", help="A spec, or a .safetensors file with one.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file: .pt2, .onnx, or .pte for ExecuTorch.")],
    format: Annotated[
        ExportFormat | None, typer.Option(help="What to write; by default what the file's extension says.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="A checkpoint to load first.")] = None,
    size: Size = None,
    batch: Annotated[int, typer.Option(min=1, help="Images at once.")] = 1,
    dynamic: Annotated[
        str | None, typer.Option(metavar="NAMES", help="What is any number or size: batch, height, width.")
    ] = None,
    deploy: Annotated[bool, typer.Option("--deploy", help="Fold norms and residuals into weights first.")] = False,
    keep_operators: Annotated[
        bool, typer.Option("--keep-operators", help="Leave scans as operators of sparx_dsl, in a .pt2 file for Python.")
    ] = False,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: OnlyErrors = Style.full,
    version: Version = False,
) -> None:
    """Write a backbone for other runtimes, and run the file to check it."""
    with reporting(errors):
        form = chosen_form(json, csv, markdown)
        with Progress() as progress:
            report = exported(
                source, root, output, format, size, batch,
                weights=weights, dynamic=dynamic, deploy=deploy, keep_operators=keep_operators, progress=progress,
            )  # fmt: skip
        drawn = weights is None and source.suffix != CHECKPOINT
        present(sparx_dsl.export_listing(report, [FRESH] if drawn else []), form)


def exported(
    source: Path,
    root: Path | None,
    output: Path,
    format: ExportFormat | None,
    size: str | None,
    batch: int,
    *,
    weights: Path | None,
    dynamic: str | None,
    deploy: bool,
    keep_operators: bool,
    progress: Progress,
) -> sparx_dsl.ExportReport:
    """Write the backbone of a spec or a ``.safetensors`` file for another runtime."""
    checkpoint = source.suffix == CHECKPOINT
    model = sparx_dsl.build(source if checkpoint else sparx_dsl.load_spec(source, root=root))
    if weights is not None:
        sparx_dsl.load_checkpoint(model, weights)
    sides = parse_size(size) or model.spec.input.size
    names = tuple(name.strip() for name in dynamic.split(",")) if dynamic else ()
    return sparx_dsl.export(
        sparx_dsl.deploy(model) if deploy else model,
        output, None if format is None else format.value, sides, batch, names, keep_operators=keep_operators,
        progress=progress.report,
    )  # fmt: skip
