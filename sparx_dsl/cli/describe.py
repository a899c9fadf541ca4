"""The commands that say what a spec is, without torch: ``check``, ``cost``, ``explain`` and ``diff``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

import sparx_dsl
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
from sparx_dsl.cli.options import FLOAT32, ConventionName, Style, parse_size, refuse, reporting
from sparx_dsl.cli.output import chosen_form, present, show_prose
from sparx_dsl.cli.specs import loaded, refuse_second_input
from sparx_dsl.cli.statuses import DIFFERENCE
from sparx_dsl.cli.version import Version


def check_command(
    specs: SpecFiles,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Check specs and spaces without compiling them, those in folders too; report every error in all of them."""
    with reporting(errors):
        refuse_second_input(specs)
        present(sparx_dsl.check_files(specs, root=root), chosen_form(json, csv, markdown))
        if errors in (Style.json, Style.sarif):
            # Programs that read errors find that there are none, rather than nothing.
            sys.stderr.write(sparx_dsl.render_diagnostics((), errors.value).rstrip("\n") + "\n")


def cost_command(
    spec: SpecFile,
    size: Size = None,
    batch: Batch = 1,
    dtype: DType = FLOAT32,
    head: Head = None,
    convention: Annotated[ConventionName, typer.Option(help="How MACs are counted.")] = ConventionName.paper,
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Print the price of every part of a spec, without torch."""
    with reporting(errors):
        form = chosen_form(json, csv, markdown)
        spec_to_price, sides = loaded(spec, head, root), parse_size(size)
        price = sparx_dsl.cost(spec_to_price, sides, batch, sparx_dsl.read_dtype(dtype), convention=convention.value)
        present(sparx_dsl.cost_listing(price), form, output)


def explain_command(
    subject: Annotated[str, typer.Argument(metavar="SPEC | CODE", help="A spec, or the code of an error (SPX213).")],
    node: Annotated[
        str | None, typer.Argument(metavar="NODE", help="As in stage3.layer4; all by default.", show_default=False)
    ] = None,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Say what a node of a spec reads and why, what its graph is like as a whole, or what an error's code means."""
    with reporting(errors):
        show_prose(explain_subject(subject, node, root))


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
    return sparx_dsl.connect(loaded(Path(subject), root=root)).explain(node)


def diff_command(
    before: SpecFile,
    after: SpecFile,
    output: Output = None,
    json: AsJson = False,
    csv: AsCsv = False,
    markdown: AsMarkdown = False,
    root: Root = None,
    errors: Errors = Style.full,
    version: Version = False,
) -> None:
    """Say what differs between two specs: layers, connections, prices; end with status 1 where something does."""
    with reporting(errors):
        form = chosen_form(json, csv, markdown)
        refuse_second_input((before, after))
        found = sparx_dsl.difference_listing(loaded(before, root=root), loaded(after, root=root))
        present(found, form, output)
        if not found.facts["equal"]:
            sys.exit(DIFFERENCE)
