"""What the commands' options mean, and how errors reach the user."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import textwrap
from collections.abc import Generator
from enum import StrEnum
from typing import Final, Never, TextIO

import typer

import sparx_dsl
from sparx_dsl.cli.statuses import DIFFERENCE, ERROR, INTERRUPTED


class Emit(StrEnum):
    """What ``compile`` can show."""

    summary = "summary"
    graph = "graph"
    schedule = "schedule"
    python = "python"
    json = "json"
    yaml = "yaml"
    dot = "dot"
    svg = "svg"
    png = "png"
    pdf = "pdf"


class PictureStyle(StrEnum):
    """How ``draw`` shows connections."""

    lanes = "lanes"
    matrix = "matrix"
    overview = "overview"


class ExportFormat(StrEnum):
    """What ``export`` can write."""

    pt2 = "pt2"
    onnx = "onnx"
    aoti = "aoti"
    executorch = "executorch"


class Style(StrEnum):
    """How errors are reported."""

    full = "full"
    concise = "concise"
    json = "json"
    sarif = "sarif"
    github = "github"


class ConventionName(StrEnum):
    """How MACs are counted."""

    paper = "paper"
    fvcore = "fvcore"


FLOAT32 = "float32"
"""The type of feature maps where no other is named."""


WIDTH: Final = 100
"""The most characters of a line, however wide the terminal is."""


def line_width() -> int:
    """The characters of a line: those of the terminal, or of the variable ``COLUMNS``, and 100 at most."""
    return max(20, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def wrapping_width(stream: TextIO) -> int | None:
    """Where the texts that a stream is given are wrapped: at a terminal's width, or at fewer ``COLUMNS`` than 100.

    None elsewhere: lines in files and pipes are as long as they are.
    """
    width = line_width()
    return width if width < WIDTH or stream.isatty() else None


def note(text: str) -> None:
    """Say on standard error what is no error, as a note."""
    width = wrapping_width(sys.stderr)
    lines = [f"note: {text}"] if width is None else textwrap.wrap(f"note: {text}", width, subsequent_indent="  ")
    sys.stderr.write("\n".join(lines) + "\n")


@contextlib.contextmanager
def reporting(style: Style) -> Generator[None]:
    """Print the errors of a ``SparxError`` to standard error and leave with status 2.

    With 1 where nothing but the budgets in specs is exceeded, and with 130 after Ctrl+C.
    """
    try:
        yield
    except sparx_dsl.SparxError as error:
        page = sparx_dsl.render_diagnostics(error.diagnostics, style.value, wrapping_width(sys.stderr))
        sys.stderr.write(page.rstrip("\n") + "\n")
        budget = {diagnostic.code for diagnostic in error.diagnostics} == {sparx_dsl.Code.OVER_BUDGET}
        raise typer.Exit(DIFFERENCE if budget else ERROR) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def parse_size(text: str | None) -> tuple[int, int] | None:
    """``224`` or ``512x2048`` as (height, width); raises ``SparxError``."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6}))?", text)
    sides = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if 0 in sides:
        refuse(
            sparx_dsl.Code.INVALID_SIZE_OPTION,
            f"invalid size {text!r}",
            "write --size 224, or --size 512x2048 for height x width",
        )
    return sides


def refuse(code: str, message: str, help: str) -> Never:
    """Raise ``SparxError`` for an error in the command line itself."""
    raise sparx_dsl.SparxError(sparx_dsl.Diagnostic(code, message, help=help))
