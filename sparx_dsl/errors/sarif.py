"""Diagnostics for other programs: a SARIF log, as code scanning reads it, and GitHub's workflow commands."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, Final

from sparx_dsl.errors.diagnostic import Diagnostic, Where
from sparx_dsl.errors.escape import visible

SARIF_VERSION: Final = "2.1.0"
SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_text(diagnostics: Iterable[Diagnostic]) -> str:
    """A SARIF 2.1.0 log with one run, each diagnostic a result under the rule of its code."""
    found = tuple(diagnostics)
    rules = [{"id": code} for code in dict.fromkeys(diagnostic.code for diagnostic in found)]
    driver = {"name": "sparx_dsl", "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(one) for one in found]}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": SARIF_VERSION, "runs": [run]}, indent=2) + "\n"


def github_text(diagnostics: Iterable[Diagnostic]) -> str:
    """A line ``::error file=…,line=…::…`` for each diagnostic, which a workflow on GitHub shows at its place."""
    return "".join(f"{_command(diagnostic)}\n" for diagnostic in diagnostics)


def _result(diagnostic: Diagnostic) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code, "level": "error", "message": {"text": _said(diagnostic)},
        "locations": _locations(diagnostic.where),
    }  # fmt: skip
    related = [
        {**location, "message": {"text": visible(other.text)}}
        for other in diagnostic.related
        for location in _locations(other.where)
    ]
    return {**result, "relatedLocations": related} if related else result


def _said(diagnostic: Diagnostic) -> str:
    """The message with its notes and help, a line each."""
    lines = [diagnostic.message, *(f"note: {note}" for note in diagnostic.notes)]
    lines += [f"help: {diagnostic.help}"] if diagnostic.help else []
    return "\n".join(map(visible, lines))


def _locations(where: Where) -> list[dict[str, Any]]:
    """The place as SARIF has it; none where no text is behind it."""
    if where.source is None:
        return []
    # A URI has slashes, and percent signs where a file's name has spaces.
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(where.source.name)}}
    if where.span is not None:
        span = where.span
        place["region"] = {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line,
                           "endColumn": span.end_column}  # fmt: skip
    return [{"physicalLocation": place}]


def _uri(name: str) -> str:
    """A file's name as a relative or absolute URI."""
    from urllib.parse import quote

    path = PurePath(visible(name)).as_posix()
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)


def _command(diagnostic: Diagnostic) -> str:
    where = diagnostic.where
    properties: dict[str, object] = {}
    if where.source is not None:
        properties["file"] = visible(where.source.name)
    if where.span is not None:
        # GitHub marks columns within one line only.
        last = {"endColumn": where.span.end_column} if where.span.end_line == where.span.line else {}
        properties |= {"line": where.span.line, "endLine": where.span.end_line, "col": where.span.column, **last}
    properties["title"] = diagnostic.code
    given = ",".join(f"{key}={_escaped(str(value), ',:')}" for key, value in properties.items())
    return f"::error {given}::{_escaped(_said(diagnostic))}"


def _escaped(text: str, also: str = "") -> str:
    """The text with what ends a workflow command's parts as percent and two hexadecimal digits."""
    return "".join(f"%{ord(character):02X}" if character in f"%\r\n{also}" else character for character in text)
