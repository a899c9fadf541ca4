"""The commands about what comes with the package: ``list``, ``show``, ``schema``, ``doctor``."""

from __future__ import annotations

import json as json_text
import sys
from typing import Annotated

import typer

import sparx_dsl
from sparx_dsl.cli.arguments import AsCsv, AsJson, AsMarkdown, Errors, Output, SpecFile
from sparx_dsl.cli.options import Style, reporting
from sparx_dsl.cli.output import chosen_form, present, show
from sparx_dsl.cli.statuses import DIFFERENCE
from sparx_dsl.cli.version import Version


def list_command(
    pattern: Annotated[str, typer.Argument(metavar="GLOB", help="Only names that match, as in 'sparx_*'.")] = "*",
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """List the specs that come with the package, with their sizes; each can be used by its name."""
    with reporting(errors):
        present(sparx_dsl.zoo_listing(pattern), chosen_form(json, csv, markdown), output)


def show_command(spec: SpecFile, output: Output = None, errors: Errors = Style.full, version: Version = False) -> None:
    """Print the YAML text of a spec as it stands; ``sparx compile SPEC --emit yaml`` prints it extended."""
    with reporting(errors):
        show(sparx_dsl.spec_text(spec), output)


def schema_command(output: Output = None, errors: Errors = Style.full, version: Version = False) -> None:
    """Print the JSON Schema of the language, for editors."""
    with reporting(errors):
        show(json_text.dumps(sparx_dsl.json_schema(), indent=2), output)


def doctor_command(
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Say which backends of the selective scan work here, check each, and name broken packages of kinds."""
    with reporting(errors):
        form, found = chosen_form(json, csv, markdown), sparx_dsl.doctor()
        present(sparx_dsl.doctor_listing(found), form, output)
        if not found.healthy:
            sys.exit(DIFFERENCE)
