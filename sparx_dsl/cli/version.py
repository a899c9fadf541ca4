"""The option ``--version``, which every command has."""

from __future__ import annotations

from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.options import Style, reporting
from sparx_dsl.cli.output import show


def version_option(wanted: bool) -> None:
    """Print the name and the version, and stop."""
    if wanted:
        with reporting(Style.full):
            show(f"sparx_dsl {sparx_dsl.__version__}", None)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=version_option, is_eager=True, help="Print the version and stop.")
]
