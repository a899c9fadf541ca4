"""The command ``sparx export``: a file for another runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import Size
from sparx_dsl.cli.options import ExportFormat, Style, parse_size, reporting
from sparx_dsl.cli.output import show


def export_command(
    source: Annotated[Path, typer.Argument(metavar="SPEC | FILE", help="A spec, or a .safetensors file with one.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write: .pt2, or .onnx for ONNX.")],
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
    errors: Annotated[Style, typer.Option("--errors", help="How errors are reported, on standard error.")] = Style.full,
) -> None:
    """Write a backbone for other runtimes, and run the file to check it."""
    with reporting(errors):
        found = export(
            source, output, format, size, batch,
            weights=weights, dynamic=dynamic, deploy=deploy, keep_operators=keep_operators,
        )  # fmt: skip
        show(found, None)


def export(
    source: Path,
    output: Path,
    format: ExportFormat | None,
    size: str | None,
    batch: int,
    *,
    weights: Path | None,
    dynamic: str | None,
    deploy: bool,
    keep_operators: bool,
) -> str:
    """Write the backbone of a spec or a ``.safetensors`` file for another runtime; what was written, and its error."""
    model = sparx_dsl.build(source)
    if weights is not None:
        sparx_dsl.load_checkpoint(model, weights)
    sides = parse_size(size) or model.spec.input.size
    names = tuple(name.strip() for name in dynamic.split(",")) if dynamic else ()
    report = sparx_dsl.export(
        sparx_dsl.deploy(model) if deploy else model,
        output, None if format is None else format.value, sides, batch, names, keep_operators=keep_operators,
    )  # fmt: skip
    drawn = weights is None and source.suffix != ".safetensors"
    return f"{report}\nits weights are freshly drawn; --weights names a file of others" if drawn else str(report)
