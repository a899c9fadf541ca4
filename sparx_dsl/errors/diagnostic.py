"""Diagnostics: what is wrong with a user's input, as values, and the one exception that carries them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparx_dsl.errors.escape import visible


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text that a user wrote, with the name under which to refer to it (a file's path as given, or ``<text>``)."""

    name: str
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """The line of that 1-based number without its line break; empty past the end."""
        lines = self.text.splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of a text: 1-based lines and code-point columns, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Where:
    """A place: a key path such as ``stages.3.mixer`` (1-based), and its span where a text is behind it."""

    path: str = ""
    source: SourceText | None = None
    span: Span | None = None

    def __str__(self) -> str:
        if self.source is None:
            return self.path
        if self.span is None:
            return self.source.name
        return f"{self.source.name}:{self.span.line}:{self.span.column}"


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that takes part in an error, with a note on how."""

    where: Where
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error: its code, what is wrong with the values found, where, and what to write instead."""

    code: str
    message: str
    where: Where = field(default_factory=Where)
    notes: tuple[str, ...] = ()
    help: str | None = None
    related: tuple[Related, ...] = ()

    def __str__(self) -> str:
        place = str(self.where)
        text = f"{place}: {self.code} {self.message}" if place else f"{self.code} {self.message}"
        return f"{text} ({self.help})" if self.help else text


class SparxError(Exception):
    """Everything that is wrong with a user's input, all of it at once, in ``diagnostics``.

    Raises ``ValueError`` where there is none.
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...] | list[Diagnostic] | Diagnostic) -> None:
        given = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        if not given:
            raise ValueError("a SparxError needs at least one diagnostic")
        self.diagnostics: tuple[Diagnostic, ...] = given
        super().__init__("\n".join(visible(str(diagnostic)) for diagnostic in given))

    def __reduce__(self) -> tuple[type[SparxError], tuple[tuple[Diagnostic, ...]]]:
        return (type(self), (self.diagnostics,))
