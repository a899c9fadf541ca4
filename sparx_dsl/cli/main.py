"""The commands ``sparx`` and ``sparx-compile``: arguments in, text out; the work is done by the public API."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

import sparx_dsl
from sparx_dsl.cli import commands
from sparx_dsl.cli.analyze import add_analyses
from sparx_dsl.cli.arguments import (
    AsCsv,
    AsJson,
    AsMarkdown,
    Batch,
    DType,
    Errors,
    Head,
    Output,
    Root,
    Size,
    SpecFile,
    SpecFiles,
)
from sparx_dsl.cli.bench import bench_command
from sparx_dsl.cli.compare import compare_command
from sparx_dsl.cli.options import (
    INTERRUPTED,
    ConventionName,
    DTypeName,
    Emit,
    ExportFormat,
    PictureStyle,
    Style,
    reporting,
)
from sparx_dsl.cli.output import chosen_form, present, show
from sparx_dsl.cli.paper import paper_command
from sparx_dsl.cli.report import report_command
from sparx_dsl.cli.search import SearchCommand, search_command
from sparx_dsl.cli.set import set_command
from sparx_dsl.cli.terminal import prepare_streams

HELP: Final = {"help_option_names": ["-h", "--help"]}


def version_option(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        with reporting(Style.full):
            show(commands.version(), None)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=version_option, is_eager=True, help="Print the version and stop.")
]


def compile_command(
    spec: SpecFile,
    emit: Annotated[Emit, typer.Option(help="What to show.")] = Emit.summary,
    output: Output = None,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = DTypeName.float32,
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
            show(commands.explain(spec, explain, head, root), output)
        else:
            form = chosen_form(json, csv, markdown)
            commands.compile_spec(spec, emit, form, output, size, batch, dtype, fold=fold, head=head, root=root)


def check_command(
    specs: SpecFiles,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
) -> None:
    """Check specs and spaces without compiling them, those in folders too; report every error in all of them."""
    with reporting(errors):
        present(sparx_dsl.check_files(specs, root=root), chosen_form(json, csv, markdown))


def draw_command(
    spec: SpecFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="A .svg, .pdf, .png or .dot file; - prints SVG.")],
    layer: Annotated[
        str | None, typer.Argument(metavar="LAYER", help="Draw what this is inside.", show_default=False)
    ] = None,
    style: Annotated[PictureStyle, typer.Option(help="How the connections are shown.")] = PictureStyle.lanes,
    width: Annotated[
        float | None, typer.Option(metavar="MM", help="The page's width: 84 for a column, with type of 7 points.")
    ] = None,
    font: Annotated[str | None, typer.Option(metavar="FAMILY", help="The type; Arial by default.")] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="A line above the picture.")] = None,
    legend: Annotated[bool, typer.Option(help="Say below what shapes and lines mean.")] = True,
    stages: Annotated[
        str | None, typer.Option(metavar="STAGES", help="Only these, by number or name, as in 1,3 or 2-4.")
    ] = None,
    fold: Annotated[bool, typer.Option(help="Draw repeats once.")] = True,
    head: Head = None,
    root: Root = None,
    errors: Errors = Style.full,
) -> None:
    """Draw the connections of a spec, or what one of its layers is inside."""
    with reporting(errors):
        commands.draw(
            spec, output, head, root,
            style=style.value, width=width, font=font, title=title, legend=legend, stages=stages, fold=fold,
            layer=layer,
        )  # fmt: skip


def cost_command(
    spec: SpecFile,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = DTypeName.float32,
    head: Head = None,
    convention: Annotated[ConventionName, typer.Option(help="How MACs are counted.")] = ConventionName.paper,
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
) -> None:
    """Print the price of every part of a spec, without torch."""
    with reporting(errors):
        form = chosen_form(json, csv, markdown)
        present(commands.cost(spec, size, batch, dtype, head, convention, root), form, output)


def explain_command(
    subject: Annotated[str, typer.Argument(metavar="SPEC | CODE", help="A spec, or the code of an error (SPX213).")],
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="As in stage3.layer4; all by default.", show_default=False)
    ] = None,
    root: Root = None,
    errors: Errors = Style.full,
) -> None:
    """Say what a node of a spec reads and why, what its graph is like as a whole, or what an error's code means."""
    with reporting(errors):
        show(commands.explain_subject(subject, node, root), None)


def diff_command(
    before: SpecFile,
    after: SpecFile,
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
) -> None:
    """Say what differs between two specs: layers, connections, prices; end with status 1 where something does."""
    with reporting(errors):
        commands.diff(before, after, chosen_form(json, csv, markdown), output, root)


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
        found = commands.export(
            source, output, format, size, batch,
            weights=weights, dynamic=dynamic, deploy=deploy, keep_operators=keep_operators,
        )  # fmt: skip
        show(found, None)


def list_command(
    pattern: Annotated[str, typer.Argument(metavar="GLOB", help="Only names that match, as in 'sparx_*'.")] = "*",
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    errors: Errors = Style.full,
) -> None:
    """List the specs that come with the package, with their sizes; each can be used by its name."""
    with reporting(errors):
        present(sparx_dsl.zoo_listing(pattern), chosen_form(json, csv, markdown), output)


def show_command(spec: SpecFile, output: Output = None, errors: Errors = Style.full) -> None:
    """Print the YAML text of a spec as it stands; ``sparx compile SPEC --emit yaml`` prints it extended."""
    with reporting(errors):
        show(commands.show_spec(spec), output)


def doctor_command(
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    errors: Errors = Style.full,
) -> None:
    """Say which backends of the selective scan work here, check each, and name broken packages of kinds."""
    with reporting(errors):
        commands.doctor(chosen_form(json, csv, markdown), output)


def schema_command(output: Output = None, errors: Errors = Style.full) -> None:
    """Print the JSON Schema of the language, for editors."""
    with reporting(errors):
        show(commands.schema(), output)


def root(version: Version = False) -> None:
    """A language for hierarchical vision backbones with sparse cross-layer connections, compiled to PyTorch."""


def make_app() -> typer.Typer:
    """The ``sparx`` command with its subcommands."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, context_settings=HELP)
    app.callback()(root)
    named = {
        "compile": compile_command, "check": check_command, "draw": draw_command, "cost": cost_command,
        "explain": explain_command, "diff": diff_command, "compare": compare_command,
        "set": set_command, "bench": bench_command,
        "list": list_command, "show": show_command,
        "export": export_command, "paper": paper_command, "schema": schema_command, "doctor": doctor_command,
        "report": report_command,
    }  # fmt: skip
    for name, command in named.items():
        app.command(name)(command)
    app.command("search", cls=SearchCommand)(search_command)
    add_analyses(app)
    return app


def main() -> None:
    """The command ``sparx``."""
    _run(make_app())


def compile_main() -> None:
    """The command ``sparx-compile``, which is ``sparx compile``."""
    app = typer.Typer(pretty_exceptions_enable=False, context_settings=HELP)
    app.command()(compile_command)
    _run(app)


def _run(app: typer.Typer) -> None:
    """Run a command; with status 130 after Ctrl+C, also while modules are imported."""
    prepare_streams()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
