"""A spec's text before its YAML is looked at: size, encoding, and characters that must not be in it."""

from __future__ import annotations

import itertools
import re
from typing import Final

from sparx_dsl.errors import Code, Diagnostic, SourceText, Span, SparxError, Where
from sparx_dsl.errors.escape import unsafe_pattern
from sparx_dsl.reader.limits import Limits
from sparx_dsl.reader.scalars import describe_character

BYTE_ORDER_MARK = "\ufeff"
_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)


def read_text(text: str | bytes, name: str, limits: Limits) -> SourceText:
    """The text, without a byte order mark at its start, under the name by which to refer to it.

    Raises ``SparxError`` for a text that is too large (SPX001), is not UTF-8 (SPX004), or has control
    characters, bidi controls or lone surrogates in it (SPX015).
    """
    too_large = len(text) > limits.source_bytes
    if too_large or (isinstance(text, str) and _utf8_length(text) > limits.source_bytes):
        message = f"the text is larger than {limits.source_bytes} bytes"
        raise SparxError(
            Diagnostic(Code.TEXT_TOO_LARGE, message, Where(source=SourceText(name, "")), help="shorten it")
        )
    decoded = _decode(text, name) if isinstance(text, bytes) else text
    source = SourceText(name, decoded.removeprefix(BYTE_ORDER_MARK))
    _refuse_unsafe(source, limits)
    _refuse_directives(source, limits)
    return source


def span_of(text: str, start: int, end: int) -> Span:
    """The span from one index of the text to another on the same line."""
    lines = text[:start].splitlines(keepends=True)
    ended = not lines or lines[-1] != lines[-1].splitlines()[0]
    number, column = (len(lines) + 1, 1) if ended else (len(lines), len(lines[-1]) + 1)
    return Span(number, column, number, column + end - start)


def _utf8_length(text: str) -> int:
    """Bytes of the text in UTF-8, lone surrogates counted too."""
    return len(text.encode("utf-8", "surrogatepass"))


def _decode(data: bytes, name: str) -> str:
    """The bytes as text; raises ``SparxError`` (SPX004) at the first that is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        readable = data.decode("utf-8", "replace")
        start = len(data[: error.start].decode("utf-8"))
        where = Where(source=SourceText(name, readable), span=span_of(readable, start, start + 1))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise SparxError(Diagnostic(Code.NOT_UTF8, message, where, help="save the file as UTF-8")) from None


def _refuse_directives(source: SourceText, limits: Limits) -> None:
    """Raise ``SparxError`` where more lines are directives than errors are reported.

    Parsers compare every directive with all before it, and only then give their first event.
    """
    more = next(itertools.islice(_DIRECTIVE.finditer(source.text), limits.errors, None), None)
    if more is not None:
        where = Where(source=source, span=span_of(source.text, more.start(), more.end()))
        message = f"more than {limits.errors} lines begin with %, as directives do"
        raise SparxError(Diagnostic(Code.YAML_DIRECTIVE, message, where, help="remove these lines"))


def _refuse_unsafe(source: SourceText, limits: Limits) -> None:
    """Raise ``SparxError`` (SPX015) at every unsafe character, up to the limit of errors."""
    found = itertools.islice(unsafe_pattern("\t\n\r").finditer(source.text), limits.errors)
    errors = [
        Diagnostic(
            Code.CONTROL_CHARACTER,
            f"the text contains {describe_character(match[0])}",
            Where(source=source, span=span_of(source.text, match.start(), match.end())),
            help="remove the character",
        )
        for match in found
    ]
    if errors:
        raise SparxError(errors)
