"""Specs as commands take them: a file or a name, with the head that an option names."""

from __future__ import annotations

from pathlib import Path

import sparx_dsl


def loaded(path: Path, head: str | None = None, root: Path | None = None) -> sparx_dsl.Spec:
    """The spec at ``path``, its head replaced by one of the kind ``head`` with that kind's defaults."""
    spec = sparx_dsl.load_spec(path, root=root)
    return spec if head is None else spec.edit({"head": None, "head.kind": head})
