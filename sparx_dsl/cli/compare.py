"""The command ``sparx compare``: specs side by side, and the Pareto front among them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, Batch, DType, Errors, Output, Root, Size, SpecFiles
from sparx_dsl.cli.options import FLOAT32, Style, parse_size, refuse, reporting
from sparx_dsl.cli.output import chosen_form, present
from sparx_dsl.cli.specs import STANDARD_INPUT, refuse_second_input
from sparx_dsl.cli.version import Version


def compare_command(
    specs: SpecFiles,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = FLOAT32,
    sort: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="Least first, as in macs; most first with a hyphen, as in -macs."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="CONDITION", help="Only those that satisfy it, as in 'macs<5G'; may be repeated.",
            show_default=False,
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the Pareto front to this .svg file.", show_default=False)
    ] = None,
    axes: Annotated[str, typer.Option(metavar="X,Y", help="The amounts of the picture's axes.")] = "macs,params",
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:  # fmt: skip
    """Compare specs: prices, layers and links side by side, with the difference to the first; without torch.

    The amounts are params, macs, flops, peak, saved, layers, ganglion, intra, inter, cross_stage and added.
    """
    with reporting(errors):
        form, sides = chosen_form(json, csv, markdown), parse_size(size)
        name = sparx_dsl.read_dtype(dtype)
        refuse_second_input(specs)
        paths = sparx_dsl.find_files(specs, "spec")
        # Standard input is read once for the table and the picture.
        sources = [sparx_dsl.load_spec(path, root=root) if path == STANDARD_INPUT else path for path in paths]
        listing = sparx_dsl.compare(sources, sides, batch, name, sort=sort, where=where or (), root=root)
        if picture is not None:
            found = [sparx_dsl.load_spec(one, root=root) if isinstance(one, Path) else one for one in sources]
            drawn = sparx_dsl.front_picture(found, _axes(picture, axes), sides, batch, name)
            sparx_dsl.write_text(picture, drawn)
        present(listing, form, output)


def _axes(picture: Path, axes: str) -> tuple[str, str]:
    """The two amounts; raises ``SparxError`` for others than two, and for a picture of another file extension."""
    if picture.suffix != ".svg":
        refuse(sparx_dsl.Code.UNKNOWN_PICTURE_FORMAT, f"the front cannot be drawn to {picture.name}",
               f"write --picture {picture.stem}.svg")  # fmt: skip
    names = axes.split(",")
    if len(names) != 2:
        refuse(sparx_dsl.Code.UNKNOWN_AMOUNT, f"a picture has two axes, and {axes} names {len(names)}",
               "write two amounts with a comma between them, as in --axes macs,params")  # fmt: skip
    return names[0].strip(), names[1].strip()
