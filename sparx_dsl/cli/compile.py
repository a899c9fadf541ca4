"""The command ``sparx compile``: from a spec to a module, and what came out on the way."""

from __future__ import annotations

import json as json_text
import time
from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, Batch, DType, Errors, Head, Output, Root, Size, SpecFile
from sparx_dsl.cli.draw import deliver
from sparx_dsl.cli.options import FLOAT32, Emit, Style, parse_size, refuse, reporting
from sparx_dsl.cli.output import STANDARD_OUTPUT, Form, chosen_form, present, show
from sparx_dsl.cli.specs import loaded
from sparx_dsl.cli.version import Version


def compile_command(
    spec: SpecFile,
    emit: Annotated[Emit, typer.Option(help="What to show.")] = Emit.summary,
    output: Output = None,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = FLOAT32,
    head: Head = None,
    explain: Annotated[
        str | None, typer.Option(metavar="NODE", help="Say what a node reads and why, and stop.")
    ] = None,
    fold: Annotated[bool, typer.Option(help="Fold repeats in pictures.")] = True,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Validate, connect, plan and compile a spec, and say what came out."""
    with reporting(errors):
        if explain is not None:
            show(sparx_dsl.connect(loaded(spec, head, root)).explain(explain), output)
        else:
            form = chosen_form(json, csv, markdown)
            compile_spec(spec, emit, form, output, size, batch, dtype, fold=fold, head=head, root=root)


def compile_spec(
    path: Path,
    emit: Emit,
    form: Form,
    output: Path | None,
    size: str | None,
    batch: int,
    dtype: str,
    *,
    fold: bool,
    head: str | None = None,
    root: Path | None = None,
) -> None:
    """Run a spec through the compiler as far as ``emit`` needs, and show that."""
    if emit is not Emit.summary and form != "text":
        refuse(
            sparx_dsl.Code.CONFLICTING_OPTIONS, f"--emit {emit.value} and --{form} exclude each other",
            "--json, --csv and --markdown are forms of the summary; write one of them, or --emit",
        )  # fmt: skip
    price, seconds = priced(path, size, batch, dtype, head, root)
    schedule = price.schedule
    match emit:
        case Emit.svg | Emit.png | Emit.pdf:
            picture(schedule.graph, emit, output, fold=fold)
        case Emit.dot:
            show(sparx_dsl.dot(schedule.graph, fold=fold), output)
        case Emit.graph:
            show(str(schedule.graph), output)
        case Emit.schedule:
            show(str(schedule), output)
        case Emit.yaml:
            show(sparx_dsl.dump_spec(schedule.graph.spec), output)
        case Emit.python:
            show(sparx_dsl.build(price, device="meta").code.strip("\n"), output)
        case Emit.json:
            show(json_text.dumps(sparx_dsl.report(price), indent=2), output)
        case Emit.summary:
            present(compiled(price, seconds), form, output)


def priced(
    path: Path, size: str | None, batch: int, dtype: str, head: str | None = None, root: Path | None = None
) -> tuple[sparx_dsl.Cost, dict[str, float]]:
    """The schedule of the spec at ``path`` with its price, and the seconds that each step towards it took.

    The price has parameters, MACs, FLOPs and bytes.
    """
    sides, marks = parse_size(size), [time.perf_counter()]
    spec = loaded(path, head, root)
    marks.append(time.perf_counter())
    graph = sparx_dsl.connect(spec)
    marks.append(time.perf_counter())
    price = sparx_dsl.check_prices(sparx_dsl.plan(graph, sides, batch, sparx_dsl.read_dtype(dtype)))
    marks.append(time.perf_counter())
    return price, {name: marks[i + 1] - marks[i] for i, name in enumerate(("load", "connect", "plan"))}


def compiled(price: sparx_dsl.Cost, seconds: dict[str, float]) -> sparx_dsl.Listing:
    """The summary of a spec that was really compiled: to a module on the meta device, which allocates nothing."""
    started = time.perf_counter()
    parameters = list(sparx_dsl.build(price, device="meta").parameters())
    seconds = {**seconds, "compile, importing torch": time.perf_counter() - started}
    count, steps = sum(parameter.numel() for parameter in parameters), len(price.schedule.steps)
    made = f"compiled to a module of {count:,} parameters in {len(parameters)} tensors, run in {steps} steps"
    return sparx_dsl.summary_listing(price, seconds, [made])


def picture(graph: sparx_dsl.ConnectionGraph, emit: Emit, output: Path | None, *, fold: bool) -> None:
    """Draw to a file of the kind that ``emit`` names, or to standard output for ``-``."""
    if output is None:
        refuse(
            sparx_dsl.Code.PICTURE_WITHOUT_FILE,
            f"--emit {emit.value} draws a picture, which cannot be shown in a terminal",
            f"write -o figure.{emit.value}, or -o - for a pipe",
        )
    if output not in (STANDARD_OUTPUT, output.with_suffix(f".{emit.value}")):
        refuse(
            sparx_dsl.Code.PICTURE_FORMAT_DIFFERS,
            f"--emit {emit.value} cannot be written to {output.name}",
            f"write -o {output.stem}.{emit.value}",
        )
    deliver(sparx_dsl.draw(graph, fold=fold), output, emit)
