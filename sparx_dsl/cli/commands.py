"""What each command does with its arguments, in terms of the public API."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import sparx_dsl
from sparx_dsl import SparxError
from sparx_dsl.cli.options import DTypeName, Emit, parse_size, refuse


def show(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file."""
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    else:
        sparx_dsl.write_text(output, text if text.endswith("\n") else text + "\n")


def compile_spec(
    path: Path, emit: Emit, output: Path | None, size: str | None, batch: int, dtype: DTypeName, *, fold: bool
) -> None:
    """Run a spec through the whole compiler as far as ``emit`` needs, and show that."""
    started = time.perf_counter()
    spec = sparx_dsl.load_spec(path)
    graph = sparx_dsl.connect(spec)
    schedule = sparx_dsl.plan(graph, parse_size(size), batch, dtype.value)
    match emit:
        case Emit.svg | Emit.png | Emit.pdf:
            picture(graph, emit, output, fold=fold)
        case Emit.dot:
            show(sparx_dsl.dot(graph, fold=fold), output)
        case Emit.graph:
            show(str(graph), output)
        case Emit.schedule:
            show(str(schedule), output)
        case Emit.yaml:
            show(sparx_dsl.dump_spec(spec), output)
        case Emit.python:
            show(sparx_dsl.build(graph, device="meta").code, output)
        case Emit.json:
            show(json.dumps(sparx_dsl.report(schedule), indent=2), output)
        case Emit.summary:
            module = sparx_dsl.build(graph, device="meta")
            tensors = list(module.parameters())
            compiled = f"compiled: {sum(t.numel() for t in tensors):,} parameters in {len(tensors)} tensors, {len(schedule.steps)} steps"
            seconds = time.perf_counter() - started
            show(f"{sparx_dsl.summary(schedule, seconds=seconds)}\n{compiled}", output)


def picture(graph: sparx_dsl.ConnectionGraph, emit: Emit, output: Path | None, *, fold: bool) -> None:
    """Draw to a file of the kind that ``emit`` names."""
    if output is None:
        refuse(
            "SPX521",
            f"--emit {emit.value} draws a picture, which cannot be shown in a terminal",
            f"write -o figure.{emit.value}",
        )
    if output.suffix != f".{emit.value}":
        refuse(
            "SPX522", f"--emit {emit.value} cannot be written to {output.name}", f"write -o {output.stem}.{emit.value}"
        )
    sparx_dsl.draw(graph, output, fold=fold)


def check(paths: list[Path]) -> None:
    """Load and connect every spec; raises one ``SparxError`` with the mistakes of all."""
    mistakes: list[sparx_dsl.Diagnostic] = []
    for path in paths:
        try:
            sparx_dsl.plan(path)
        except SparxError as error:
            mistakes += error.diagnostics
    if mistakes:
        raise SparxError(mistakes)
    show(f"{len(paths)} spec{'s' if len(paths) > 1 else ''} without mistakes", None)


def draw(path: Path, output: Path, *, fold: bool) -> None:
    """Draw a spec's connections to a file."""
    sparx_dsl.draw(path, output, fold=fold)


def cost(path: Path, size: str | None, batch: int, dtype: DTypeName) -> str:
    """The table of prices."""
    return sparx_dsl.cost_table(sparx_dsl.cost(path, parse_size(size), batch, dtype.value))


def explain(path: Path, node: str) -> str:
    """What a node reads and why."""
    return sparx_dsl.connect(path).explain(node)


def diff(before: Path, after: Path) -> str:
    """What differs between two specs."""
    return sparx_dsl.difference(sparx_dsl.connect(before), sparx_dsl.connect(after))


def schema() -> str:
    """The JSON Schema of the language."""
    return json.dumps(sparx_dsl.json_schema(), indent=2)


def version() -> str:
    """The name and version."""
    return f"sparx_dsl {sparx_dsl.__version__}"
