"""The standard streams: of any encoding, closed, full, or cut off by a program such as ``head``."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

import sparx_dsl
from sparx_dsl.cli.options import refuse

FALLBACK: Final = "sparx_dsl.ascii"
"""The name under which Python's codecs know ``ascii_forms``."""
SILENT: Final = "6"
"""The level at which PyTorch's profiler writes no line."""
ASCII_FORMS: Final[Mapping[str, str]] = {
    "×": "x", "→": "->", "↓": "v", "·": "|", "–": "-", "─": "-", "−": "-", "…": "...", "µ": "u", "ᵀ": "T", "�": "?"
}  # fmt: skip
"""What stands in ASCII for the characters that tables, messages and pictures have beyond it."""


def prepare_streams() -> None:
    """Let standard output and standard error take every text, and nothing where one of them is closed."""
    codecs.register_error(FALLBACK, ascii_forms)
    sys.stdout, sys.stderr = _open(sys.stdout), _open(sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=FALLBACK)


def ascii_forms(error: UnicodeError) -> tuple[str, int]:
    """In place of characters that an encoding lacks: their forms in ASCII, or else their escapes (``\\u4f60``)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    forms = (ASCII_FORMS.get(character, character) for character in lacking)
    return "".join(forms).encode("ascii", "backslashreplace").decode("ascii"), error.end


def write(content: str | bytes) -> None:
    """Print a text, or bytes as they are; raises ``SparxError`` (SPX502) where standard output is full.

    A pipe whose reader has gone raises ``BrokenPipeError``, at which typer ends the command without a word.
    """
    try:
        if isinstance(content, bytes):
            sys.stdout.buffer.write(content)
        else:
            sys.stdout.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left to write would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        refuse(
            sparx_dsl.Code.FILE_NOT_WRITABLE,
            f"cannot write to standard output: {error.strerror}",
            "write to a file with free space",
        )


def quiet_profiler() -> None:
    """Keep PyTorch's profiler, which counts allocations, from writing to standard error that it starts and stops.

    It asks the environment when torch is imported; what the user has set stands.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", SILENT)


def _open(stream: TextIO | None) -> TextIO:
    """The stream; for one that is closed, which Python gives as None, one that takes everything to nowhere."""
    return open(os.devnull, "w", encoding="utf-8") if stream is None else stream
