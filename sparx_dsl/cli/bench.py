"""The command ``sparx bench``: speed and memory of specs on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, DType, Errors, Output, Root, Size, complete_spec
from sparx_dsl.cli.options import FLOAT32, Style, parse_size, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.progress import Progress
from sparx_dsl.cli.specs import refuse_second_input
from sparx_dsl.cli.terminal import quiet_profiler
from sparx_dsl.cli.version import Version

PEER = "timm:"


def bench_command(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC | timm:NAME...", help="Specs, and models of timm by name.", autocompletion=complete_spec
        ),
    ],
    device: Annotated[str, typer.Option(help="As torch names it: cpu, cuda, cuda:1, mps.")] = "cpu",
    batch: Annotated[int, typer.Option(min=1, help="Images at once.")] = 1,
    size: Size = None,
    dtype: DType = FLOAT32,
    deploy: Annotated[bool, typer.Option("--deploy", help="Fold norms and residuals into weights first.")] = False,
    train: Annotated[bool, typer.Option("--train", help="Forward and backward pass, in training mode.")] = False,
    compile: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="How long each runs, at least.")] = 3.0,
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Measure images a second, milliseconds and memory, beside what was planned and beside models of timm.

    All run in turn; percentages are differences in speed to the first.
    """
    with reporting(errors):
        form, sides = chosen_form(json, csv, markdown), parse_size(size)
        paths = [Path(name) for name in models if not name.startswith(PEER)]
        refuse_second_input(paths)
        specs = sparx_dsl.find_files(paths, "spec")
        peers = [name.removeprefix(PEER) for name in models if name.startswith(PEER)]
        quiet_profiler()
        with Progress() as progress:
            listing = sparx_dsl.bench(
                [sparx_dsl.load_spec(path, root=root) for path in specs], peers, device=device, batch=batch, size=sides,
                dtype=sparx_dsl.read_dtype(dtype), deploy=deploy, train=train, compile=compile, seconds=seconds,
                progress=progress.report,
            )  # fmt: skip
        present(listing, form, output)
