"""The corpus of broken specs: one file each, whose first line says which mistakes it has, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import sparx_dsl
from tests.support.paths import TESTS

CORPUS = TESTS / "broken_specs"

Place = tuple[str, int | None, int | None]
"""A code, and its line and column; neither where the whole text is meant."""


@dataclass(frozen=True)
class BrokenSpec:
    """One file, and the mistakes that it must be charged with, in order."""

    path: Path
    expected: tuple[Place, ...]

    @property
    def name(self) -> str:
        """The folder and the file's name."""
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def priced(self) -> bool:
        """Whether the mistake shows only when the backbone is priced, before it is built."""
        return any(code in ("SPX402", "SPX403", "SPX405") for code, _, _ in self.expected)


def read_broken_specs() -> list[BrokenSpec]:
    """Every file of the corpus; the specs that they extend lie one folder up."""
    return [BrokenSpec(path, _expectation(path)) for path in sorted(CORPUS.glob("*/*.yaml"))]


def places(diagnostics: tuple[sparx_dsl.Diagnostic, ...]) -> tuple[Place, ...]:
    """Code, line and column of every diagnostic."""
    spans = [(diagnostic.code, diagnostic.where.span) for diagnostic in diagnostics]
    return tuple((code, None, None) if span is None else (code, span.line, span.column) for code, span in spans)


def _expectation(path: Path) -> tuple[Place, ...]:
    """What the first line says: ``# expect: SPX105 8:25, SPX102 9:3``."""
    with path.open(encoding="utf-8") as file:
        heading = file.readline()
    found = re.fullmatch(r"# expect: (.+)\n", heading)
    assert found, f"{path.name} does not say what to expect"
    expected: list[Place] = []
    for part in found[1].split(", "):
        place = re.fullmatch(r"(SPX\d{3})(?: (\d+):(\d+))?", part)
        assert place, f"{path.name}: {part!r} is no expectation"
        expected.append((place[1], int(place[2]) if place[2] else None, int(place[3]) if place[3] else None))
    return tuple(expected)
