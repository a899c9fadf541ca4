"""The command ``sparx set``: other values in the text of a spec, which keeps its comments and its order."""

from __future__ import annotations

from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import Errors, Output, Root, SpecFile
from sparx_dsl.cli.options import Style, refuse, reporting
from sparx_dsl.cli.output import STANDARD_OUTPUT, show
from sparx_dsl.cli.version import Version


def set_command(
    spec: SpecFile,
    edits: Annotated[
        list[str],
        typer.Argument(metavar="PATH=VALUE...", help="As in stages.3.S=3; without a value, the key is removed."),
    ],
    output: Output = None,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Set values in a spec, and print the text or write it to a file; comments and order stay.

    A path has dots, and numbers from 1: stages.3.S=2. A value is YAML. The edited spec is checked.
    """
    with reporting(errors):
        changes: dict[str, object] = {}
        for edit in edits:
            path, value = sparx_dsl.read_assignment(edit)
            if path in changes:
                refuse(sparx_dsl.Code.INVALID_ASSIGNMENT, f"{path} is set twice", "write one value for it")
            changes[path] = value
        target = None if output == STANDARD_OUTPUT else output
        show(sparx_dsl.edited_text(spec, changes, target, root=root), output)
