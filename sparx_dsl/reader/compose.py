"""From YAML text to a tree of nodes, over the parser's events: no recursion, no constructors, exact places.

Source: YAML 1.2.2, section 3.1 (parse and compose); tags, aliases and merge keys are refused by design.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NoReturn, cast

import yaml
from yaml.scanner import ScannerError

from sparx_dsl.errors import Code, Diagnostic, Related, SourceText, Span, SparxError, Where, quoted
from sparx_dsl.reader.frames import Frame
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.scalars import check_scalar, resolve_scalar
from sparx_dsl.reader.thousands import Thousands, with_commas
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode
from sparx_dsl.reader.yaml_syntax import Mark, syntax_error
from sparx_dsl.reader.yaml_text import read_text, span_of

FAST_LOADER: Final[type[Any]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it, else PyYAML's own; only their events are used."""

_ESCAPED: Final = (ValueError, OverflowError, RecursionError)
"""What PyYAML's own parser lets escape for escapes and version numbers of out-of-range size."""

_PROPERTY: Final = re.compile(r"(!<[^>\s]*>|[!&][^\s,\[\]{}]*)(?:\s|#[^\r\n]*)*")


def compose(text: str | bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> MappingNode:
    """The tree of a YAML text whose top level is a mapping; ``name`` is what messages call the text.

    Raises ``SparxError`` (SPX001 to SPX018) with every error up to one that stops the reading.
    """
    return compose_events(read_text(text, name, limits), limits, FAST_LOADER)


def compose_events(source: SourceText, limits: Limits, loader: type[Any]) -> MappingNode:
    """As ``compose``, for a text that ``read_text`` gave, over the events of a PyYAML loader."""
    composer = _Composer(source, limits)
    try:
        composer.read(source.text, loader)
    except yaml.MarkedYAMLError as error:
        if isinstance(error, ScannerError):
            _refuse_beyond_limits(source, limits, loader, cast("Mark", error.context_mark or error.problem_mark).index)
        composer.stop(syntax_error(error, source))
    except (yaml.YAMLError, *_ESCAPED):
        advice = "look for an escape or a directive with a number out of range"
        composer.stop(
            Diagnostic(Code.INVALID_YAML, "the text after this is not YAML", composer.last_place(), help=advice)
        )
    return composer.finish()


def _refuse_beyond_limits(source: SourceText, limits: Limits, loader: type[Any], end: int) -> None:
    """Raise ``SparxError`` where the text up to an index, at which a scanner gave up, is beyond a limit.

    Scanners run ahead of the events, over as many levels as stand on a line, and some have a limit on nesting of their
    own. What is refused, and where, must not depend on how far they run.
    """
    with contextlib.suppress(yaml.YAMLError, *_ESCAPED):
        _Composer(source, limits).read(source.text[:end], loader)


class _Composer:
    """Takes the events one by one; keeps the frames that are open and the errors found so far."""

    def __init__(self, source: SourceText, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._frames: list[Frame] = []
        self._errors: list[Diagnostic] = []
        self._node_count = 0
        self._documents = 0
        self._root: Node | None = None
        self._last: Span | None = None

    @functools.cached_property
    def _lines(self) -> list[str]:
        """The text's lines with their line breaks."""
        return self._source.text.splitlines(keepends=True)

    @functools.cached_property
    def _line_starts(self) -> list[int]:
        """The index at which every line starts."""
        return [0, *itertools.accumulate(map(len, self._lines))]

    def _line_end(self, number: int) -> int:
        """The column right behind a line's last character."""
        return len(self._lines[number - 1].rstrip("\r\n")) + 1

    def read(self, text: str, loader: type[Any]) -> None:
        """Read the source's text, or the start of it; raises ``SparxError`` where reading on makes no sense."""
        for event in cast("Iterator[Any]", yaml.parse(text, Loader=loader)):
            self._take(event, _span(event.start_mark, event.end_mark))

    def _take(self, event: yaml.Event, span: Span) -> None:
        if isinstance(event, yaml.NodeEvent):
            self._last = span
            self._node(event, span)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(span)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event, span)

    def finish(self) -> MappingNode:
        """The tree; raises ``SparxError`` with all the errors."""
        root = self._root
        if root is None or (isinstance(root, ScalarNode) and root.value is None and not root.text):
            place = Where(source=self._source)
            self.stop(
                Diagnostic(Code.EMPTY_TEXT, "the text is empty", place, help="write the keys of a spec, one a line")
            )
        if not isinstance(root, MappingNode):
            place = Where(source=self._source, span=root.span)
            message = "the top level is not a mapping"
            self.stop(Diagnostic(Code.NOT_A_MAPPING, message, place, help="write one key: value a line"))
        if self._errors:
            raise SparxError(self._errors)
        return root

    def stop(self, diagnostic: Diagnostic) -> NoReturn:
        """Raise ``SparxError`` with this error as the last."""
        raise SparxError([*self._errors, diagnostic])

    def last_place(self) -> Where:
        """The place of what was read last."""
        return self._where(self._last)

    def _where(self, span: Span | None) -> Where:
        """A place in the text, with the path at which reading is."""
        steps = (frame.step() for frame in self._frames)
        return Where(".".join(step for step in steps if step is not None), self._source, span)

    def _error(self, code: str, message: str, span: Span, help_text: str, related: tuple[Related, ...] = ()) -> None:
        """Note an error and read on, unless there are too many."""
        self._note(Diagnostic(code, message, self._where(span), help=help_text, related=related))

    def _note(self, diagnostic: Diagnostic) -> None:
        """Keep an error; raises ``SparxError`` when the limit of errors is reached."""
        self._errors.append(diagnostic)
        if len(self._errors) >= self._limits.errors:
            raise SparxError(self._errors)

    def _document(self, event: yaml.DocumentStartEvent, span: Span) -> None:
        """Begin the only document there may be, without directives."""
        self._documents += 1
        if self._documents > 1:
            message, advice = "a second document starts here", "give every backbone a file of its own"
            self.stop(Diagnostic(Code.SEVERAL_DOCUMENTS, message, Where(source=self._source, span=span), help=advice))
        if event.tags or event.version not in (None, (1, 2)):
            line = Span(span.line, 1, span.line, self._line_end(span.line))
            self._error(Code.YAML_DIRECTIVE, "directives are not supported", line, "remove the line")

    def _node(self, event: yaml.NodeEvent, span: Span) -> None:
        """Read a scalar, an alias, or the start of a mapping or list."""
        self._node_count += 1
        if self._node_count > self._limits.nodes:
            message = f"the text holds more than {self._limits.nodes} keys and values"
            self.stop(Diagnostic(Code.TOO_MANY_VALUES, message, self._where(span), help="shorten it"))
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_properties(event.tag, event.anchor, span)
            self._add(self._scalar(event, span))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._refuse_properties(event.tag, event.anchor, span)
            self._open(event, span)
        else:
            message = f"aliases are not supported: {quoted(f'*{event.anchor}')}"
            self._error(Code.YAML_ANCHOR, message, span, "write the value out, or put what all stages share into layer")
            self._add(ScalarNode(None, "*", span, self._source))

    def _open(self, event: yaml.CollectionStartEvent, span: Span) -> None:
        """Begin a mapping or list; raises ``SparxError`` beyond the limit of depth."""
        if len(self._frames) >= self._limits.depth:
            message = f"the text is nested more than {self._limits.depth} levels deep"
            self.stop(Diagnostic(Code.NESTED_TOO_DEEPLY, message, self._where(span), help="remove some levels"))
        if self._frames and self._frames[-1].wants_key:
            self._error(Code.INVALID_KEY, "a list or mapping cannot be a key", span, "write a name")
        self._frames.append(Frame(span, isinstance(event, yaml.MappingStartEvent), bool(event.flow_style)))

    def _close(self, end: Span) -> None:
        """End the innermost mapping or list and hand it to the one around it."""
        frame = self._frames.pop()
        span = self._collection_span(frame, end)
        if frame.mapping:
            self._add(MappingNode(tuple(frame.entries.values()), span, self._source))
        else:
            self._add(SequenceNode(tuple(frame.items), span, self._source))

    def _collection_span(self, frame: Frame, end: Span) -> Span:
        """One line of a collection: all of it in brackets on one line, else to the end of what is first."""
        line, column = frame.start.line, frame.start.column
        if frame.bracketed and end.end_line == line:
            return Span(line, column, line, end.end_column)
        if frame.first is None or frame.first.line != line:
            return Span(line, column, line, column + 1)
        ends_there = frame.first.end_line == line
        return Span(line, column, line, frame.first.end_column if ends_there else self._line_end(line))

    def _add(self, node: Node) -> None:
        """Put a finished node where it belongs."""
        if self._frames:
            self._frames[-1].add(node)
        else:
            self._root = node

    def _scalar(self, event: yaml.ScalarEvent, span: Span) -> ScalarNode:
        """The node of a scalar; one that is wrong stands as null under the start of its text."""
        text, plain = str(event.value), not event.style
        if plain and len(text) == 3 and (number := self._with_commas(span)):
            if number.first:
                message = f"{number.text} is read as several values between brackets or braces"
                start = span.column - number.ahead
                whole = Span(span.line, start, span.line, start + len(number.text))
                self._error(Code.AMBIGUOUS_VALUE, message, whole, f"write {number.text.replace(',', '')}")
            return ScalarNode(None, text, span, self._source)
        wrong = check_scalar(text, self._limits)
        value = None
        try:
            value = None if wrong else resolve_scalar(text, plain)
        except SparxError as error:
            wrong = error.diagnostics[0]
        if wrong:
            self._note(replace(wrong, where=self._where(span)))
            return ScalarNode(None, text[:60], span, self._source)
        node = ScalarNode(value, text, span, self._source)
        if self._frames and self._frames[-1].wants_key:
            self._check_key(node, plain)
        return node

    def _with_commas(self, span: Span) -> Thousands | None:
        """The number with commas whose digits a scalar in brackets or braces is."""
        if not self._frames or not self._frames[-1].bracketed or span.end_line != span.line:
            return None
        line, key = self._lines[span.line - 1], self._frames[-1].wants_key
        return with_commas(line, span.column - 1, span.end_column - 1, key=key)

    def _check_key(self, node: ScalarNode, plain: bool) -> None:
        """Note what is wrong with a key: no name, a merge key, or there already."""
        span = node.span or _START
        first = self._frames[-1].entries.get(str(node.value))
        if node.value is None or isinstance(node.value, bool | float):
            shown = quoted(node.text)[1:-1] or "nothing"
            self._error(Code.INVALID_KEY, f"{shown} cannot be a key", span, "a key is a name or an integer")
        elif plain and node.text == "<<":
            advice = "write the keys out, put what all stages share into layer, or use extends"
            self._error(Code.YAML_MERGE_KEY, "the merge key << is not supported", span, advice)
        elif first is not None:
            related = (Related(Where(first.key.text, self._source, first.key.span), "first written here"),)
            message = f"the key {quoted(node.text)} is written twice"
            self._error(Code.DUPLICATE_KEY, message, span, "remove one of the two", related)

    def _refuse_properties(self, tag: str | None, anchor: str | None, span: Span) -> None:
        """Note a tag and an anchor in front of a node, each at its own place."""
        if tag is None and anchor is None:
            return
        given = {mark for mark, value in (("!", tag), ("&", anchor)) if value is not None}
        for shown, place in self._properties(span, given):
            if shown.startswith("!"):
                self._error(Code.YAML_TAG, f"tags are not supported: {quoted(shown)}", place, "remove the tag")
            else:
                advice = "remove the anchor, and write the value out where it was used"
                self._error(Code.YAML_ANCHOR, f"anchors are not supported: {quoted(shown)}", place, advice)

    def _properties(self, span: Span, marks: set[str]) -> Iterator[tuple[str, Span]]:
        """Those at the start of a span that begin with these marks, one with each, with their places.

        What stands behind them may have properties of its own, such as the first key of a mapping.
        """
        line, line_start = span.line, self._line_starts[span.line - 1]
        index = line_start + span.column - 1
        while (match := _PROPERTY.match(self._source.text, index)) and match[0][0] in marks:
            marks = marks - {match[0][0]}
            column = index - line_start + 1
            yield match[1], Span(line, column, line, column + len(match[1]))
            index = match.end()
            passed = span_of(match[0], len(match[0]), len(match[0]))
            if passed.line > 1:
                line += passed.line - 1
                line_start = index - passed.column + 1


_START: Final = Span(1, 1, 1, 1)


def _span(start: Mark, end: Mark) -> Span:
    """An event's span, from PyYAML's 0-based marks in code points."""
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
