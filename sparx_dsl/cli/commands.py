"""What each command does with its arguments, in terms of the public API."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import sparx_dsl
from sparx_dsl.cli.options import DIFFERENCE, ConventionName, DTypeName, Emit, ExportFormat, parse_size, refuse
from sparx_dsl.cli.output import STANDARD_OUTPUT, Form, present, show
from sparx_dsl.cli.terminal import write


class Look(TypedDict):
    """What ``draw`` can be asked for, as ``sparx_dsl.draw`` takes it."""

    fold: bool
    width: float | None
    font: str | None
    title: str | None
    legend: bool
    stages: str | None
    layer: str | None
    style: Literal["lanes", "matrix", "overview"]


def loaded(path: Path, head: str | None = None, root: Path | None = None) -> sparx_dsl.Spec:
    """The spec at ``path``, its head replaced by one of the kind ``head`` with that kind's defaults."""
    spec = sparx_dsl.load_spec(path, root=root)
    return spec if head is None else spec.edit({"head": None, "head.kind": head})


def compile_spec(
    path: Path,
    emit: Emit,
    form: Form,
    output: Path | None,
    size: str | None,
    batch: int,
    dtype: DTypeName,
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
            show(json.dumps(sparx_dsl.report(price), indent=2), output)
        case Emit.summary:
            present(compiled(price, seconds), form, output)


def priced(
    path: Path, size: str | None, batch: int, dtype: DTypeName, head: str | None = None, root: Path | None = None
) -> tuple[sparx_dsl.Cost, dict[str, float]]:
    """The schedule of the spec at ``path`` with its price, and the seconds that each step towards it took.

    The price has parameters, MACs, FLOPs and bytes.
    """
    sides, marks = parse_size(size), [time.perf_counter()]
    spec = loaded(path, head, root)
    marks.append(time.perf_counter())
    graph = sparx_dsl.connect(spec)
    marks.append(time.perf_counter())
    price = sparx_dsl.check_prices(sparx_dsl.plan(graph, sides, batch, dtype.value))
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


def deliver(drawn: sparx_dsl.Picture, output: Path, form: Emit = Emit.svg) -> None:
    """Write a picture to a file, or to standard output in that form for ``-``."""
    if output != STANDARD_OUTPUT:
        drawn.save(output)
    elif form is Emit.svg:
        write(drawn.svg.encode())
    else:
        write(drawn.pdf if form is Emit.pdf else drawn.png)


def draw(path: Path, output: Path, head: str | None, root: Path | None, **look: Unpack[Look]) -> None:
    """Draw a spec's connections to a file, or as SVG to standard output for ``-``."""
    deliver(sparx_dsl.draw(loaded(path, head, root), **look), output)


def cost(
    path: Path,
    size: str | None,
    batch: int,
    dtype: DTypeName,
    head: str | None = None,
    convention: ConventionName = ConventionName.paper,
    root: Path | None = None,
) -> sparx_dsl.Listing:
    """The tables of prices, with MACs by that convention."""
    spec = loaded(path, head, root)
    price = sparx_dsl.cost(spec, parse_size(size), batch, dtype.value, convention=convention.value)
    return sparx_dsl.cost_listing(price)


def explain(path: Path, node: str | None, head: str | None = None, root: Path | None = None) -> str:
    """What a node reads and why; without a node, what the graph says of the whole."""
    return sparx_dsl.connect(loaded(path, head, root)).explain(node)


def explain_subject(subject: str, node: str | None, root: Path | None = None) -> str:
    """What a code means, by its number or its name, or what a node of a spec reads, or what its graph is as a whole."""
    known = Path(subject).exists() or subject in sparx_dsl.list_specs()
    if not known and subject in {code.name for code in sparx_dsl.Code}:
        return sparx_dsl.explain_code(sparx_dsl.Code[subject])
    if not known and re.fullmatch(r"(?i)SPX\w*|[A-Z][A-Z_]*\d+", subject):
        return sparx_dsl.explain_code(subject)
    if not known and re.fullmatch(r"stem|head|[a-z]\w*\.(layer\d+|downsample)", subject):
        message = f"{subject} is the name of a node, and no spec is named"
        refuse(sparx_dsl.Code.UNKNOWN_SPEC, message, f"write the spec first: sparx explain sparx_mamba_t {subject}")
    return explain(Path(subject), node, root=root)


def diff(before: Path, after: Path, form: Form, output: Path | None, root: Path | None = None) -> None:
    """Show what differs between two specs; end with status 1 where something does."""
    found = sparx_dsl.difference_listing(loaded(before, root=root), loaded(after, root=root))
    present(found, form, output)
    if not found.facts["equal"]:
        sys.exit(DIFFERENCE)


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


def show_spec(path: Path) -> str:
    """The YAML text of a spec, as it stands in its file."""
    return sparx_dsl.spec_text(path)


def doctor(form: Form, output: Path | None) -> None:
    """Show what works on this machine; end with status 1 where something gives wrong results."""
    found = sparx_dsl.doctor()
    present(sparx_dsl.doctor_listing(found), form, output)
    if not found.healthy:
        sys.exit(DIFFERENCE)


def schema() -> str:
    """The JSON Schema of the language."""
    return json.dumps(sparx_dsl.json_schema(), indent=2)


def version() -> str:
    """The name and version."""
    return f"sparx_dsl {sparx_dsl.__version__}"
