"""The program that draws: Graphviz's ``dot`` where it is on the PATH, else ``graphviz-pure`` of the extra ``viz``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable

from sparx_dsl.errors import Diagnostic, SparxError

PROGRAMS = ("dot", "graphviz-pure")
NO_PDF = frozenset({"graphviz-pure"})
TIMEOUT = 120.0
"""Seconds after which a drawing program is stopped."""
PNG_RESOLUTION = 200
"""Dots per inch."""
NEITHER = ('install Graphviz in this environment with: pip install "sparx_dsl[viz]", or the Graphviz program '
           "(https://graphviz.org/download/); writing a .dot file works without either")  # fmt: skip
ONLY_DOT = "install the Graphviz program (https://graphviz.org/download/), or write an .svg, which works without"


Find = Callable[[str], str | None]
"""Gives the path of a program, or None where it is not installed."""


def find_program(name: str) -> str | None:
    """The path of a program beside this Python or on the PATH; None where it is not installed."""
    beside = sysconfig.get_path("scripts") if name != "dot" else ""
    path = os.pathsep.join(place for place in (beside, os.environ.get("PATH", "")) if place)
    return shutil.which(name, path=path)


def render(text: str, kind: str, *, find: Find = find_program, timeout: float = TIMEOUT) -> bytes:
    """The picture (``svg``, ``png`` or ``pdf``) that the first program which can makes of a DOT text with positions.

    ``find`` gives the path of a program by its name; after ``timeout`` seconds a program is stopped. Raises
    ``SparxError``: SPX510 where no program is there, SPX512 where those that are there fail.
    """
    failures: list[str] = []
    for name in PROGRAMS:
        program = None if kind == "pdf" and name in NO_PDF else find(name)
        if program is None:
            continue
        try:
            return _run(program, text, kind, timeout)
        except (OSError, subprocess.SubprocessError) as error:
            failures.append(f"{name}: {_reason(error)}")
    if failures:
        raise SparxError(Diagnostic("SPX512", f"Graphviz could not draw the {kind.upper()}", notes=tuple(failures)))
    pdf = kind == "pdf" and any(find(name) for name in PROGRAMS)
    message = f"nothing is installed here that can draw a {kind.upper()}"
    raise SparxError(Diagnostic("SPX510", message, help=ONLY_DOT if pdf else NEITHER))


def _run(program: str, text: str, kind: str, timeout: float) -> bytes:
    command = [program, "-Kneato", "-n2", f"-T{kind}"]
    command += [f"-Gdpi={PNG_RESOLUTION}"] if kind == "png" else []
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=timeout, check=True)  # noqa: S603
    if not done.stdout:
        raise subprocess.SubprocessError("it gave nothing")
    return done.stdout


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    """Why a program failed: the last line that it said."""
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        lines: list[str] = error.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else str(error)
    return f"it took more than {error.timeout:.0f} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
