"""Diagnostics that list tensors by name, each with the name that was perhaps meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sparx_dsl.errors import Code, Diagnostic, Where, closest, counted, quoted, visible
from sparx_dsl.weights.report import shortened

_NUMBER = re.compile(r"\d+")


def listed(code: str, what: str, names: Sequence[str], where: Where, help: str | None = None) -> Diagnostic:
    """One diagnostic for all the tensors of which ``what`` is true."""
    return Diagnostic(code, f"{counted(len(names), 'tensor')} {what}", where, notes=notes_of(names), help=help)


def notes_of(lines: Sequence[str]) -> tuple[str, ...]:
    """The first few of the lines, escaped, as a diagnostic's notes."""
    return tuple(visible(line) for line in shortened(list(lines)))


def listed_missing(
    missing: Sequence[str], theirs: Mapping[str, str], unused: Sequence[str], where: Where, help: str
) -> Diagnostic:
    """The model's tensors that the file has nothing for; ``theirs`` is what each would be called there."""
    lines = [_missing_line(name, theirs.get(name), unused) for name in missing]
    return listed(Code.MISSING_TENSORS, "of the model are not in the file", lines, where, help)


def listed_unused(unused: Sequence[str], missing: Sequence[str], where: Where, help: str) -> Diagnostic:
    """The file's tensors that the model has no place for; ``missing`` are the names that it still looks for."""
    lines = [f"{name}{_meant(name, missing)}" for name in unused]
    return listed(Code.UNEXPECTED_TENSORS, "of the file are not in the model", lines, where, help)


def _missing_line(name: str, theirs: str | None, unused: Sequence[str]) -> str:
    if theirs is None:
        return f"{name}, for which this format has no name"
    called = "" if theirs == name else f", there {theirs}"
    return f"{name}{called}{_meant(theirs, unused)}"


def _meant(name: str, candidates: Sequence[str]) -> str:
    """The name that differs in one of its parts only, if that part is close to what was written there."""
    parts = name.split(".")
    for other in candidates:
        others = other.split(".")
        odd = [(mine, theirs) for mine, theirs in zip(parts, others, strict=False) if mine != theirs]
        if len(others) == len(parts) and len(odd) == 1 and _misspelt(*odd[0]):
            return f": did you mean {quoted(other, 120)}?"
    return ""


def _misspelt(part: str, other: str) -> bool:
    """Whether two parts of names are close; those that differ in a number are two layers, and both right."""
    return _NUMBER.sub("", part) != _NUMBER.sub("", other) and closest(part, [other]) is not None
