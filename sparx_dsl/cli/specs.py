"""Specs as commands take them: a file or a name, with the head that an option names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import sparx_dsl
from sparx_dsl.cli.options import refuse

STANDARD_INPUT = Path("-")


def loaded(path: Path, head: str | None = None, root: Path | None = None) -> sparx_dsl.Spec:
    """The spec at ``path``, its head replaced by one of the kind ``head`` with that kind's defaults."""
    spec = sparx_dsl.load_spec(path, root=root)
    return spec if head is None else spec.edit({"head": None, "head.kind": head})


def refuse_second_input(paths: Iterable[Path | None]) -> None:
    """Raise ``SparxError`` (SPX501) where standard input stands for more than one spec, all but one empty."""
    if [*paths].count(STANDARD_INPUT) > 1:
        message = "standard input can be read once, and - stands for more than one spec"
        refuse(sparx_dsl.Code.FILE_NOT_READABLE, message, "write - once, and the other specs as files or names")
