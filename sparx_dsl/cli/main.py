"""The commands ``sparx`` and ``sparx-compile``: arguments in, text out; the work is done by the public API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparx_dsl.cli import commands
from sparx_dsl.cli.options import DTypeName, Emit, ExportFormat, Style, reporting
from sparx_dsl.cli.search import SearchCommand, search_command
from sparx_dsl.cli.terminal import prepare_streams

SpecFile = Annotated[
    Path,
    typer.Argument(metavar="SPEC", help="A YAML file, or a name that sparx list prints.", show_default=False),
]
Size = Annotated[str | None, typer.Option(metavar="N | HxW", help="The image's size in pixels; by default the spec's.")]
Batch = Annotated[int, typer.Option(min=1, help="Images at once, for the bytes of feature buffers.")]
DType = Annotated[DTypeName, typer.Option(help="Type of the feature maps, for their bytes.")]
Head = Annotated[
    str | None, typer.Option(metavar="KIND", help="Replace the spec's head by one of this kind, none for no head.")
]
Format = Annotated[Style, typer.Option("--format", help="How errors are reported.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file in place of the terminal.")]


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
    style: Format = Style.full,
) -> None:
    """Validate, connect, plan and compile a spec, and say what came out."""
    with reporting(style):
        if explain is not None:
            commands.show(commands.explain(spec, explain, head), output)
        else:
            commands.compile_spec(spec, emit, output, size, batch, dtype, fold=fold, head=head)


def check_command(specs: Annotated[list[Path], typer.Argument(metavar="SPEC...")], style: Format = Style.full) -> None:
    """Check specs without compiling them; report every error in all of them."""
    with reporting(style):
        commands.check(specs)


def draw_command(
    spec: SpecFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="A .dot, .svg, .png or .pdf file; - prints SVG.")],
    head: Head = None,
    fold: Annotated[bool, typer.Option(help="Fold repeats.")] = True,
    style: Format = Style.full,
) -> None:
    """Draw the connections of a spec."""
    with reporting(style):
        commands.draw(spec, output, fold=fold, head=head)


def cost_command(
    spec: SpecFile,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = DTypeName.float32,
    head: Head = None,
    style: Format = Style.full,
) -> None:
    """Print the price of every part of a spec, without torch."""
    with reporting(style):
        commands.show(commands.cost(spec, size, batch, dtype, head), None)


def explain_command(
    subject: Annotated[str, typer.Argument(metavar="SPEC | CODE", help="A spec, or the code of an error (SPX213).")],
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="As in stage3.layer4; all by default.", show_default=False)
    ] = None,
    style: Format = Style.full,
) -> None:
    """Say what a node of a spec reads and why, what its graph is like as a whole, or what an error's code means."""
    with reporting(style):
        commands.show(commands.explain_subject(subject, node), None)


def diff_command(
    before: SpecFile, after: Annotated[Path, typer.Argument(metavar="SPEC")], style: Format = Style.full
) -> None:
    """Say what differs between two specs: layers, connections, prices."""
    with reporting(style):
        commands.show(commands.diff(before, after), None)


def paper_command(
    figures: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FIGURES...", help="By default those that come with the package.", show_default=False),
    ] = None,
    output: Output = None,
    style: Format = Style.full,
) -> None:
    """Print a paper's figures beside our counts, as Markdown."""
    with reporting(style):
        commands.show(commands.paper(figures or []), output)


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
    style: Annotated[Style, typer.Option("--errors", help="How errors are reported.")] = Style.full,
) -> None:
    """Write a backbone for other runtimes, and run the file to check it."""
    with reporting(style):
        found = commands.export(
            source, output, format, size, batch,
            weights=weights, dynamic=dynamic, deploy=deploy, keep_operators=keep_operators,
        )  # fmt: skip
        commands.show(found, None)


def list_command(
    pattern: Annotated[str, typer.Argument(metavar="GLOB", help="Only names that match, as in 'sparx_*'.")] = "*",
    output: Output = None,
    style: Format = Style.full,
) -> None:
    """List the specs that come with the package, with their sizes; each can be used by its name."""
    with reporting(style):
        commands.show(commands.list_specs(pattern), output)


def show_command(spec: SpecFile, output: Output = None, style: Format = Style.full) -> None:
    """Print the YAML text of a spec as it stands; ``sparx compile SPEC --emit yaml`` prints it extended."""
    with reporting(style):
        commands.show(commands.show_spec(spec), output)


def doctor_command(style: Format = Style.full) -> None:
    """Say which backends of the selective scan work here, check each, and name broken packages of kinds."""
    with reporting(style):
        commands.doctor()


def schema_command(output: Output = None, style: Format = Style.full) -> None:
    """Print the JSON Schema of the language, for editors."""
    with reporting(style):
        commands.show(commands.schema(), output)


def version_option(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        with reporting(Style.full):
            commands.show(commands.version(), None)
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=version_option, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A language for hierarchical vision backbones with sparse cross-layer connections, compiled to PyTorch."""


def make_app() -> typer.Typer:
    """The ``sparx`` command with its subcommands."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(root)
    named = {
        "compile": compile_command, "check": check_command, "draw": draw_command, "cost": cost_command,
        "explain": explain_command, "diff": diff_command, "list": list_command, "show": show_command,
        "export": export_command, "paper": paper_command, "schema": schema_command, "doctor": doctor_command,
    }  # fmt: skip
    for name, command in named.items():
        app.command(name)(command)
    app.command("search", cls=SearchCommand)(search_command)
    return app


def main() -> None:
    """The command ``sparx``."""
    prepare_streams()
    make_app()()


def compile_main() -> None:
    """The command ``sparx-compile``, which is ``sparx compile``."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(compile_command)
    prepare_streams()
    app()
