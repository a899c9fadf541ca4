"""Where results go: standard output or a file, in the form that was asked for, fitted to the terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path
from typing import Literal

import sparx_dsl
from sparx_dsl.cli.options import WIDTH, line_width, refuse, wrapping_width
from sparx_dsl.cli.terminal import write

STANDARD_OUTPUT = Path("-")
EXAMPLE = 4
"""Lines that are indented so far are examples."""

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
    if output is None:
        wrap = wrapping_width(sys.stdout) is not None
        show(listing.render(form, line_width(), colour=coloured(), wrap=wrap), None)
    else:
        show(listing.render(form, WIDTH), output)


def show(text: str, output: Path | None) -> None:
    """Print a text, or write it to a file."""
    lines = text if text.endswith("\n") else f"{text}\n"
    if output in (None, STANDARD_OUTPUT):
        write(lines)
    else:
        sparx_dsl.write_text(output, lines)


def show_prose(text: str) -> None:
    """Print a text whose lines are wrapped where they are wider than the terminal; indented examples stay."""
    width = wrapping_width(sys.stdout)
    show(text if width is None else "\n".join(_wrapped(line, width) for line in text.splitlines()), None)


def _wrapped(line: str, width: int) -> str:
    start = line[: len(line) - len(line.lstrip(" "))]
    if len(start) >= EXAMPLE:
        return line
    further = f"{start}  " if start else ""
    return textwrap.fill(line, width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)


def coloured() -> bool:
    """Whether standard output takes colour: a terminal, unless ``NO_COLOR`` or ``FORCE_COLOR`` say otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
