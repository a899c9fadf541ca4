"""The command ``sparx compare``: specs side by side, and the Pareto front among them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, Batch, DType, Errors, Output, Root, Size, SpecFiles
from sparx_dsl.cli.options import DTypeName, Style, parse_size, refuse, reporting
from sparx_dsl.cli.output import chosen_form, present


def compare_command(
    specs: SpecFiles,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = DTypeName.float32,
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
) -> None:  # fmt: skip
    """Compare specs: prices, layers and links side by side, with the difference to the first; without torch.

    The amounts are params, macs, flops, peak, saved, layers, ganglion, intra, inter, cross_stage and added.
    """
    with reporting(errors):
        form, sides = chosen_form(json, csv, markdown), parse_size(size)
        paths = sparx_dsl.find_files(specs, "spec")
        listing = sparx_dsl.compare(paths, sides, batch, dtype.value, sort=sort, where=where or (), root=root)
        if picture is not None:
            sparx_dsl.write_text(
                picture,
                _front([sparx_dsl.load_spec(path, root=root) for path in paths], picture, axes, sides, batch, dtype),
            )
        present(listing, form, output)


def _front(
    specs: list[sparx_dsl.Spec], picture: Path, axes: str, sides: tuple[int, int] | None, batch: int, dtype: DTypeName
) -> str:
    """The picture's text; raises ``SparxError`` for another file extension, and for axes that are not two amounts."""
    if picture.suffix != ".svg":
        refuse(sparx_dsl.Code.UNKNOWN_PICTURE_FORMAT, f"the front cannot be drawn to {picture.name}",
               f"write --picture {picture.stem}.svg")  # fmt: skip
    names = axes.split(",")
    if len(names) != 2:
        refuse(sparx_dsl.Code.UNKNOWN_AMOUNT, f"a picture has two axes, and {axes} names {len(names)}",
               "write two amounts with a comma between them, as in --axes macs,params")  # fmt: skip
    return sparx_dsl.front_picture(specs, (names[0].strip(), names[1].strip()), sides, batch, dtype.value)
