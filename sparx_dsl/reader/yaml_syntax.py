"""The errors of YAML's own parser, in terms of the text as it was written."""

from __future__ import annotations

import re
from typing import Final, Protocol, cast

import yaml

from sparx_dsl.errors import Code, Diagnostic, Related, SourceText, Span, Where, quoted, visible


class Mark(Protocol):
    """A place as PyYAML gives it: 0-based, in code points."""

    line: int
    column: int
    index: int


_INDENT: Final = "line the keys of one mapping up under one another, and put a space after every ':'"
_BLANK: Final = re.compile(r"\s*(#.*)?$")
_WITHOUT_COLON: Final = re.compile(
    r"\s*(?:- +)*(?P<key>[A-Za-z_][\w.]*)(?::(?=\S)|(?!:))(?P<value>(?:(?!: | #).)*?)(?<!:)(?: +#.*)?"
)
"""A line that begins with a word and has no colon with a space behind it."""
_LONGEST_LINE: Final = 400
_LONGEST: Final = 40
"""Characters of a value that are repeated."""
_CLOSE: Final = "close it, or put a ',' between its items"

# What libyaml and PyYAML's own parser say (any of the texts), the code, what it means, and what to do.
_MEANINGS: Final[tuple[tuple[tuple[str, ...], str, str, str | None], ...]] = (
    (("expected ',' or ']'",), Code.INVALID_YAML, "the list opened with '[' is not closed here", _CLOSE),
    (("expected ',' or '}'",), Code.INVALID_YAML, "the mapping opened with '{' is not closed here", _CLOSE),
    (("expected ':'",), Code.INVALID_YAML, "this line has no ':' after its key", "write key: value"),
    (
        ("mapping values are not allowed",),
        Code.INVALID_YAML,
        "unexpected ':'",
        "start a new line for the key, indented like its neighbours, or quote the text with the ':' in it",
    ),
    (
        ("block sequence entries are not allowed",),
        Code.INVALID_YAML,
        "unexpected list item",
        "start the list on a new line below its key",
    ),
    (("mapping keys are not allowed",), Code.INVALID_YAML, "unexpected key", _INDENT),
    (
        ("expected '-'",),
        Code.INVALID_YAML,
        "this does not belong to the list above it",
        "start every item with '- ' in the same column",
    ),
    (
        ("expected key", "expected <block end>"),
        Code.INVALID_YAML,
        "this does not belong to the mapping above it",
        _INDENT,
    ),
    (("node content",), Code.INVALID_YAML, "a value is expected here", None),
    (
        ("end of stream", "document separator"),
        Code.INVALID_YAML,
        "the quoted text that starts above is never closed",
        "close the quotes",
    ),
    (("document start",), Code.INVALID_YAML, "this does not belong to the document above it", "remove it"),
    (
        ("unknown escape character",),
        Code.INVALID_YAML,
        "unknown escape",
        "in single quotes a backslash means itself",
    ),
    (("hexdecimal", "hexadecimal", "escape sequence of"), Code.INVALID_YAML, "this escape lacks digits", None),
    (
        ("Unicode character escape",),
        Code.CONTROL_CHARACTER,
        "this escape is a lone surrogate or no character",
        "remove the escape",
    ),
    (("tab character", "contains tab"), Code.INVALID_YAML, "a tab cannot indent YAML", "indent with spaces"),
    (("tag handle", "'%TAG'", "%TAG", "a tag"), Code.YAML_TAG, "tags are not supported", "remove the tag"),
    (("version number", "%YAML", "directive"), Code.YAML_DIRECTIVE, "directives are not supported", "remove the line"),
    (
        ("alphabetic or numeric",),
        Code.YAML_ANCHOR,
        "anchors and aliases are not supported",
        "quote the text if '&' or '*' is part of it",
    ),
    (
        ("block scalar", "indentation indicator", "chomping"),
        Code.INVALID_YAML,
        "this does not fit the text block that starts here",
        None,
    ),
)


def syntax_error(error: yaml.MarkedYAMLError, source: SourceText) -> Diagnostic:
    """The diagnostic of what stopped YAML's parser, at the place where it stopped."""
    problem, context = str(error.problem), error.context or ""
    context_mark: Mark | None = error.context_mark
    span = span_at(source, cast("Mark", error.problem_mark))
    if (place := _missing_colon(problem, context_mark, source, span)) is not None:
        where, advice = Where(source=source, span=place[0]), f"write {place[1]}"
        return Diagnostic(Code.INVALID_YAML, "this line has no ': ' after its key", where, help=advice)
    code, message, help_text = _meaning(problem, context, source, span)
    related: tuple[Related, ...] = ()
    if context_mark is not None:
        start = span_at(source, context_mark)
        if start.line != span.line:
            related = (Related(Where(source=source, span=start), "this starts here"),)
    return Diagnostic(code, message, Where(source=source, span=span), help=help_text, related=related)


def span_at(source: SourceText, mark: Mark) -> Span:
    """The character at a mark; the end of the last line that is not blank where the mark is past the text."""
    lines = source.text.splitlines()
    line, column = mark.line, mark.column
    if line >= len(lines) or not any(map(str.strip, lines[line:])):
        line = max((number for number, text in enumerate(lines) if text.strip()), default=0)
        column = len(lines[line].rstrip()) if lines else 0
    return Span(line + 1, column + 1, line + 1, column + 2)


def _missing_colon(problem: str, context_mark: Mark | None, source: SourceText, span: Span) -> tuple[Span, str] | None:
    """Where a key has no colon, or no space behind it, and what to write; None where that is not what is wrong.

    The parser takes such a line and the next one for one text, and stops at the colon of the next.
    """
    if "expected ':'" in problem and context_mark is not None:
        number = context_mark.line + 1
    elif "mapping values are not allowed" in problem:
        before = (one for one in range(span.line - 1, 0, -1) if not _BLANK.match(source.line(one)))
        number = next(before, span.line)
    else:
        return None
    line = source.line(number).rstrip()
    found = _WITHOUT_COLON.fullmatch(line) if len(line) <= _LONGEST_LINE else None
    if found is None or number == span.line:
        return None
    column = found.end("key") + 1
    value = found["value"]
    text = f"{found['key']}: {value.strip() if len(value) <= _LONGEST else '…'}" if value else f"{found['key']}:"
    return Span(number, column, number, column + 1), visible(text)


def _meaning(problem: str, context: str, source: SourceText, span: Span) -> tuple[str, str, str | None]:
    """The code, message and help for an error of the parser."""
    if "cannot start any token" in problem:
        return _forbidden_start(source.line(span.line)[span.column - 1 : span.column])
    for part in (problem, context):
        for said, code, message, help_text in _MEANINGS:
            if any(text in part for text in said):
                return code, message, help_text
    return Code.INVALID_YAML, f"the text is not YAML here: {visible(problem)[:200]}", None


def _forbidden_start(character: str) -> tuple[str, str, str | None]:
    """The error of a value that starts with a character of YAML's own."""
    if character == "\t":
        return Code.INVALID_YAML, "a tab cannot indent YAML", "indent with spaces"
    return Code.INVALID_YAML, f"no value can start with {quoted(character)}", "quote the text"
