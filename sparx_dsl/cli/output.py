"""Where results go: standard output or a file, in the form that was asked for, fitted to the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final, Literal

import sparx_dsl
from sparx_dsl.cli.options import refuse
from sparx_dsl.cli.terminal import write

STANDARD_OUTPUT = Path("-")
WIDTH: Final = 100
"""The most characters of a line, however wide the terminal is."""

Form = Literal["text", "json", "csv", "markdown"]


def chosen_form(json: bool, csv: bool, markdown: bool) -> Form:
    """The one form that was asked for, text by default; raises ``SparxError`` (SPX523) for several."""
    forms: tuple[tuple[Form, bool], ...] = (("json", json), ("csv", csv), ("markdown", markdown))
    asked: list[Form] = [form for form, wanted in forms if wanted]
    if len(asked) > 1:
        options = " and ".join(f"--{form}" for form in asked)
        refuse(sparx_dsl.Code.CONFLICTING_OPTIONS, f"{options} exclude each other", "write one of them")
    return asked[0] if asked else "text"


def present(listing: sparx_dsl.Listing, form: Form, output: Path | None = None) -> None:
    """Print a listing in that form, or write it to a file."""
    terminal = output is None
    show(listing.render(form, line_width() if terminal else WIDTH, colour=terminal and coloured()), output)


def show(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file."""
    lines = text if text.endswith("\n") else f"{text}\n"
    if output in (None, STANDARD_OUTPUT):
        write(lines)
    else:
        sparx_dsl.write_text(output, lines)


def line_width() -> int:
    """The characters of a line: those of the terminal, or of the variable ``COLUMNS``, and 100 at most."""
    return max(20, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def coloured() -> bool:
    """Whether standard output takes colour: a terminal, unless ``NO_COLOR`` or ``FORCE_COLOR`` say otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
