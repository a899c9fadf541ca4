"""Text as a DOT attribute: every value that the writer puts out goes through one function."""

from __future__ import annotations

from sparx_dsl.errors.escape import unsafe_pattern


def plain(text: str) -> str:
    """The text without control characters, bidi controls and lone surrogates; line breaks stay."""
    return unsafe_pattern("\n").sub("", text)


def quote(text: str) -> str:
    r"""The text as a double-quoted DOT string that Graphviz shows letter for letter.

    The quotation mark is escaped for the lexer; the backslash is doubled, because labels read ``\N`` or ``\G`` as
    names; the ampersand is an entity, because labels read ``&lt;`` as ``<``. A line break becomes ``\n``; other
    control characters are dropped.
    """
    escaped = plain(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n") + '"'


def quote_left(text: str) -> str:
    r"""As ``quote``, with every line set flush left (``\l``)."""
    lines = plain(text).split("\n")
    return '"' + "".join(quote(line)[1:-1] + "\\l" for line in lines) + '"'
