"""A spec's text as a tree in which every key and value knows its place, and walks over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any, Final, TypeVar, cast

from sparx_dsl.errors import Code, Diagnostic, SourceText, Span, SparxError, Where, exception_text, quoted
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.scalars import Scalar, check_scalar

Item = TypeVar("Item")

FEW: Final = 32
"""Entries of a mapping that are looked through one by one."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value, with its text as written (without quotes and escapes)."""

    value: Scalar
    text: str
    span: Span | None = None
    source: SourceText | None = None


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    items: tuple[Node, ...]
    span: Span | None = None
    source: SourceText | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping, and its value."""

    key: ScalarNode
    value: Node


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping, in the order in which it is written; no key is there twice (3 and "3" are the same key)."""

    entries: tuple[Entry, ...]
    span: Span | None = None
    source: SourceText | None = None
    _found: dict[str, Entry] = field(default_factory=dict[str, Entry], init=False, repr=False, compare=False)
    """The entries by key, where there are more than ``FEW``, once one has been looked up."""

    def entry(self, key: object) -> Entry | None:
        """The entry of that key, given as text or as an integer, or None."""
        wanted = str(key)
        if len(self.entries) > FEW:
            if not self._found:
                # All at once: another thread must not see a part.
                self._found.update({str(entry.key.value): entry for entry in reversed(self.entries)})
            return self._found.get(wanted)
        for entry in self.entries:
            value = entry.key.value
            if value == wanted or str(value) == wanted:
                return entry
        return None


Node = ScalarNode | SequenceNode | MappingNode


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    return {entry.key.value: plain(entry.value) for entry in node.entries}


def node_of(
    data: object,
    source: SourceText | None = None,
    limits: Limits = DEFAULT_LIMITS,
    path: Sequence[str | int] = (),
) -> Node:
    """The tree of Python data, which stands at ``path``, without spans: mappings, sequences and scalars of any library.

    Whatever is a ``Mapping``, a ``Sequence``, an ``Integral`` or a ``Real`` is taken as one, such as numpy's numbers
    and OmegaConf's configurations. Raises ``SparxError`` for other types, data that contains itself and data that
    fails when it is read (SPX019), keys that are no names (SPX011), and data beyond the limits (SPX002, SPX003,
    SPX015 to SPX017).
    """
    return _DataReader(source, limits).node(data, tuple(map(str, path)), ())


class _DataReader:
    """Turns Python data into nodes, and counts the keys and values."""

    def __init__(self, source: SourceText | None, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._count = 0

    def node(self, data: object, trail: tuple[str, ...], inside: tuple[int, ...]) -> Node:
        """The node of ``data``, found at ``trail`` within collections of the identities ``inside``."""
        self._count += 1
        if self._count > self._limits.nodes:
            message = f"the data holds more than {self._limits.nodes} keys and values"
            raise self._error(Code.TOO_MANY_VALUES, message, trail, "shorten it")
        if isinstance(data, Mapping | list | tuple) or _is_other_sequence(data):
            self._check_nesting(cast("object", data), trail, inside)
            inside = (*inside, id(cast("object", data)))
        if isinstance(data, Mapping):
            return self._mapping(cast("Mapping[object, object]", data), trail, inside)
        if isinstance(data, list | tuple) or _is_other_sequence(data):
            sequence = cast("Sequence[object]", data)
            items = enumerate(self._read(sequence.__iter__, sequence, trail), start=1)
            return SequenceNode(
                tuple(self.node(item, (*trail, str(number)), inside) for number, item in items),
                None,
                self._source,
            )
        return self.scalar(data, trail)

    def scalar(self, data: object, trail: tuple[str, ...]) -> ScalarNode:
        """The node of a value that is no collection."""
        try:
            value = _scalar_of(data)
        except OverflowError:
            message = f"the number of type {type(data).__name__} does not fit into a float"
            raise self._error(Code.INVALID_NUMBER, message, trail, "write a smaller number") from None
        if value is None and data is not None:
            raise self._error(
                Code.NOT_A_YAML_VALUE,
                f"a value of type {type(data).__name__} is not supported in a spec",
                trail,
                "give mappings, sequences, text, numbers, booleans or None; of an array or a tensor, value.tolist()",
            )
        if wrong := check_scalar(value, self._limits):
            raise SparxError(replace(wrong, where=self._where(trail)))
        return ScalarNode(value, _text_of(value), None, self._source)

    def _mapping(self, data: Mapping[object, object], trail: tuple[str, ...], inside: tuple[int, ...]) -> MappingNode:
        """The node of a mapping."""
        entries: dict[str, Entry] = {}
        for name, value in self._read(data.items, data, trail):
            self._count += 1
            key = self.scalar(name, trail)
            if isinstance(key.value, bool | float) or key.value is None:
                raise self._error(Code.INVALID_KEY, f"{key.text} cannot be a key", trail, "a key is text or an integer")
            if str(key.value) in entries:
                raise self._error(
                    Code.DUPLICATE_KEY, f"the key {quoted(key.text)} is given twice, as text and as a number", trail
                )
            entries[str(key.value)] = Entry(key, self.node(value, (*trail, key.text), inside))
        return MappingNode(tuple(entries.values()), None, self._source)

    def _read(self, read: Callable[[], Iterable[Item]], data: object, trail: tuple[str, ...]) -> Iterator[Item]:
        """What is in a collection; whatever those of other libraries raise when they are read is an error here."""
        try:
            yield from read()
        except Exception as error:
            message = f"a value of type {type(data).__name__} cannot be read: {exception_text(error)}"
            help = "give it with every value filled in and every reference resolved"
            raise self._error(Code.NOT_A_YAML_VALUE, message, trail, help) from None

    def _check_nesting(self, data: object, trail: tuple[str, ...], inside: tuple[int, ...]) -> None:
        """Refuse data that contains itself, and data nested beyond the limit."""
        if id(data) in inside:
            raise self._error(Code.NOT_A_YAML_VALUE, "the data contains itself", trail)
        if len(trail) >= self._limits.depth:
            raise self._error(
                Code.NESTED_TOO_DEEPLY, f"the data is nested more than {self._limits.depth} levels deep", trail
            )

    def _error(self, code: str, message: str, trail: tuple[str, ...], help: str | None = None) -> SparxError:
        """One error at that trail."""
        return SparxError(Diagnostic(code, message, self._where(trail), help=help))

    def _where(self, trail: tuple[str, ...]) -> Where:
        """The place of that trail."""
        return Where(".".join(trail), self._source)


def _is_other_sequence(data: object) -> bool:
    """Whether the data is a sequence of values, of a type that is no list, no tuple, no text and no bytes."""
    return isinstance(data, Sequence) and not isinstance(data, str | bytes | bytearray | memoryview | list | tuple)


def _scalar_of(data: object) -> Scalar:
    """The value as one of the built-in types exactly, or None for any other type; ``OverflowError`` as float has it."""
    if isinstance(data, bool):
        return data
    if isinstance(data, int):
        return int(data)
    if isinstance(data, float):
        return float(data)
    if isinstance(data, str):
        return str.__str__(data)
    # Asking an abstract class takes longer, so numbers of other libraries come last.
    if isinstance(data, Integral):
        return int(data)
    return float(data) if isinstance(data, Real) else None


def _text_of(value: Scalar) -> str:
    """How a spec would write the value, without quotes."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def locate(root: Node, path: tuple[str | int, ...], *, key: bool = False) -> Where:
    """The place of the value to which a pydantic ``loc`` leads, or of its key; list indices are 0-based.

    A part that does not exist where the walk stands is skipped, as is a part that only names the mapping's own
    ``kind`` (pydantic inserts such tags). With ``key``, a value without a key (a list's item, the root)
    stands for itself. The path in the result is 1-based, and ends where the walk ended.
    """
    node, key_node = root, None
    trail: list[str] = []
    for index, part in enumerate(path):
        following = path[index + 1] if index + 1 < len(path) else None
        if isinstance(node, MappingNode):
            entry = node.entry(part)
            if entry is not None and not _is_tag(node, part, following):
                trail.append(entry.key.text)
                node, key_node = entry.value, entry.key
        elif isinstance(node, SequenceNode) and isinstance(part, int) and 0 <= part < len(node.items):
            trail.append(str(part + 1))
            node, key_node = node.items[part], None
    target = key_node if key and key_node is not None else node
    return Where(".".join(trail), target.source, target.span)


def _is_tag(node: MappingNode, part: str | int, following: str | int | None) -> bool:
    """Whether ``part`` is the mapping's kind rather than a key of that name: the next part is a key here."""
    kind = node.entry("kind")
    named = kind is not None and isinstance(kind.value, ScalarNode) and kind.value.value == part
    return named and following is not None and node.entry(following) is not None
