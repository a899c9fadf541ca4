"""The arguments and options that several commands have, each with its help, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.options import Style


def complete_spec(incomplete: str) -> list[str]:
    """What a shell offers where a spec is to be typed: names of the zoo, folders and YAML files."""
    names = [name for name in sparx_dsl.list_specs() if name.startswith(incomplete)]
    typed = Path(incomplete)
    folder = typed if incomplete.endswith("/") else typed.parent
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.is_dir() or entry.suffix in (".yaml", ".yml"))
    except OSError:
        return names
    files = [f"{entry}/" if entry.is_dir() else str(entry) for entry in entries if not entry.name.startswith(".")]
    return [*names, *(name for name in files if name.startswith(incomplete))]


def complete_dtype(incomplete: str) -> list[str]:
    """What a shell offers where a dtype is to be typed."""
    return [name for name in ("float64", "float32", "bfloat16", "float16") if name.startswith(incomplete)]


SPEC_HELP = "A YAML file, a name that sparx list prints, or - for standard input."

SpecFile = Annotated[
    Path, typer.Argument(metavar="SPEC", help=SPEC_HELP, show_default=False, autocompletion=complete_spec)
]
SpecFiles = Annotated[
    list[Path], typer.Argument(metavar="SPEC...", help=SPEC_HELP, show_default=False, autocompletion=complete_spec)
]
Size = Annotated[str | None, typer.Option(metavar="N | HxW", help="The image's size in pixels; by default the spec's.")]
Batch = Annotated[int, typer.Option(min=1, help="Images at once, for the bytes of feature buffers.")]
DType = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Type of the maps: float64, float32, bfloat16, float16, or as bf16.",
        autocompletion=complete_dtype,
    ),
]  # fmt: skip
Head = Annotated[
    str | None, typer.Option(metavar="KIND", help="Replace the spec's head by one of this kind, none for no head.")
]
Root = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Let extends lead to any file below this folder.", show_default=False),
]
Errors = Annotated[Style, typer.Option("--errors", "--format", help="How errors are reported, on standard error.")]
OnlyErrors = Annotated[Style, typer.Option("--errors", help="How errors are reported, on standard error.")]
"""Where ``--format`` has another meaning."""
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file in place of the terminal.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, whose schema docs/commands.md states.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the first table as CSV, with exact numbers.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
