"""The command ``sparx tune``: the fastest settings of a spec's scans on this machine's GPU."""

from __future__ import annotations

from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, DType, Errors, Output, Root, Size, SpecFile
from sparx_dsl.cli.options import Style, parse_size, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.progress import Progress
from sparx_dsl.cli.version import Version


def tune_command(
    spec: SpecFile,
    batch: Annotated[int, typer.Option(min=1, help="Images at once.")] = 1,
    size: Size = None,
    dtype: DType = "bfloat16",
    train: Annotated[bool, typer.Option("--train", help="The backward pass too.")] = False,
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Measure how the scans of a spec run fastest on this GPU, and keep it for later runs.

    The file is the one that SPARX_TUNED_FILE names, by default sparx_dsl/tuned.json in the folder for caches.
    """
    with reporting(errors):
        form, sides, kind = chosen_form(json, csv, markdown), parse_size(size), sparx_dsl.read_dtype(dtype)
        source = sparx_dsl.load_spec(spec, root=root)
        with Progress() as progress:
            listing = sparx_dsl.tune(source, batch=batch, size=sides, dtype=kind, train=train, progress=progress.report)
        present(listing, form, output)
