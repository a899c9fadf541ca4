"""A spec's text as a tree in which every key and value knows its place; walks over it and patches onto it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from sparx_dsl.errors import Diagnostic, SourceText, Span, SparxError, Where, quoted
from sparx_dsl.reader.limits import DEFAULT_LIMITS, Limits
from sparx_dsl.reader.scalars import Scalar, check_scalar


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

    def entry(self, key: object) -> Entry | None:
        """The entry of that key, given as text or as a whole number, or None."""
        wanted = str(key)
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
    """The tree of Python data, which stands at ``path``: mappings, lists, tuples and scalars, without spans.

    Raises ``SparxError`` for other types and data that contains itself (SPX019), keys that are no names
    (SPX011), and data beyond the limits (SPX002, SPX003, SPX015 to SPX017).
    """
    return _DataReader(source, limits).node(data, tuple(map(str, path)), ())


class _DataReader:
    """Turns Python data into nodes and counts them."""

    def __init__(self, source: SourceText | None, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._count = 0

    def node(self, data: object, trail: tuple[str, ...], inside: tuple[int, ...]) -> Node:
        """The node of ``data``, found at ``trail`` within collections of the identities ``inside``."""
        self._count += 1
        if self._count > self._limits.nodes:
            raise self._mistake("SPX003", f"the data holds more than {self._limits.nodes} values", trail)
        if isinstance(data, Mapping | list | tuple):
            self._check_nesting(cast("object", data), trail, inside)
            inside = (*inside, id(cast("object", data)))
        if isinstance(data, Mapping):
            return self._mapping(cast("Mapping[object, object]", data), trail, inside)
        if isinstance(data, list | tuple):
            items = enumerate(cast("list[object] | tuple[object, ...]", data), start=1)
            return SequenceNode(
                tuple(self.node(item, (*trail, str(number)), inside) for number, item in items),
                None,
                self._source,
            )
        return self.scalar(data, trail)

    def scalar(self, data: object, trail: tuple[str, ...]) -> ScalarNode:
        """The node of a value that is no collection."""
        value = _scalar_of(data)
        if value is None and data is not None:
            raise self._mistake(
                "SPX019",
                f"a value of type {type(data).__name__} has no place in a spec",
                trail,
                "give mappings, lists, text, numbers, booleans or None",
            )
        if wrong := check_scalar(value, self._limits):
            raise SparxError(replace(wrong, where=self._where(trail)))
        return ScalarNode(value, _text_of(value), None, self._source)

    def _mapping(self, data: Mapping[object, object], trail: tuple[str, ...], inside: tuple[int, ...]) -> MappingNode:
        """The node of a mapping."""
        entries: dict[str, Entry] = {}
        for name, value in data.items():
            key = self.scalar(name, trail)
            if isinstance(key.value, bool | float) or key.value is None:
                raise self._mistake("SPX011", f"{key.text} cannot be a key", trail, "a key is text or a whole number")
            if str(key.value) in entries:
                raise self._mistake(
                    "SPX009", f"the key {quoted(key.text)} is there twice, as text and as a number", trail
                )
            entries[str(key.value)] = Entry(key, self.node(value, (*trail, key.text), inside))
        return MappingNode(tuple(entries.values()), None, self._source)

    def _check_nesting(self, data: object, trail: tuple[str, ...], inside: tuple[int, ...]) -> None:
        """Refuse data that contains itself, and data nested beyond the limit."""
        if id(data) in inside:
            raise self._mistake("SPX019", "the data contains itself", trail)
        if len(inside) >= self._limits.depth:
            raise self._mistake("SPX002", f"the data is nested more than {self._limits.depth} levels deep", trail)

    def _mistake(self, code: str, message: str, trail: tuple[str, ...], help: str | None = None) -> SparxError:
        """One mistake at that trail."""
        return SparxError(Diagnostic(code, message, self._where(trail), help=help))

    def _where(self, trail: tuple[str, ...]) -> Where:
        """The place of that trail."""
        return Where(".".join(trail), self._source)


def _scalar_of(data: object) -> Scalar:
    """The value as one of the built-in types exactly, or None for any other type."""
    if isinstance(data, bool):
        return data
    if isinstance(data, int):
        return int(data)
    if isinstance(data, float):
        return float(data)
    return str.__str__(data) if isinstance(data, str) else None


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


def merge_patch(base: Node, patch: Node) -> Node:
    """``base`` with ``patch`` on top, every part keeping its own source and span.

    As in RFC 7386, a mapping is merged key by key, ``null`` takes a key away, and anything else replaces what
    was there. Two rules are added. A mapping whose ``kind`` differs from the base's replaces the whole mapping
    there. A mapping on a list addresses its items by 1-based number, or by their ``name``; the number after
    the last appends an item.
    Raises ``SparxError`` (SPX107) at a key that addresses no item.
    """
    return _merged(base, patch, ())


def nested(path: Sequence[str | int], value: Node) -> Node:
    """The mapping of mappings that has nothing but the value at that path; the value's place stands for the keys'."""
    for part in reversed(path):
        key = ScalarNode(part, str(part), value.span, value.source)
        value = MappingNode((Entry(key, value),), value.span, value.source)
    return value


def _merged(base: Node | None, patch: Node, trail: tuple[str, ...]) -> Node:
    """What ``merge_patch`` gives at that trail; ``base`` is None where there was nothing."""
    if not isinstance(patch, MappingNode):
        return patch
    if isinstance(base, SequenceNode):
        return _merged_items(base, patch, trail)
    entries: dict[str, Entry] = {}
    if isinstance(base, MappingNode) and not _differ_in_kind(base, patch):
        entries = {str(entry.key.value): entry for entry in base.entries}
    for entry in patch.entries:
        name = str(entry.key.value)
        old = entries.get(name)
        if _takes_away(entry.value):
            entries.pop(name, None)
        else:
            value = _merged(old.value if old else None, entry.value, (*trail, entry.key.text))
            entries[name] = Entry(entry.key, value)
    return MappingNode(tuple(entries.values()), patch.span, patch.source)


def _merged_items(base: SequenceNode, patch: MappingNode, trail: tuple[str, ...]) -> SequenceNode:
    """A list with some items changed; every number means the item that it meant before any was taken away."""
    items: list[Node | None] = list(base.items)
    names = {} if all(isinstance(entry.key.value, int) for entry in patch.entries) else _item_names(base)
    for entry in patch.entries:
        index = _item_index(entry.key, names, len(items))
        appends = index == len(items)
        if index is None or (appends and _takes_away(entry.value)):
            raise SparxError(_no_such_item(entry.key, _item_names(base), len(items), trail))
        if appends:
            items.append(None)
        old = items[index]
        items[index] = None if _takes_away(entry.value) else _merged(old, entry.value, (*trail, entry.key.text))
    return SequenceNode(tuple(item for item in items if item is not None), patch.span, patch.source)


def _item_names(sequence: SequenceNode) -> dict[str, int]:
    """The index of every item that has a name; the first of equals."""
    names: dict[str, int] = {}
    for index, item in enumerate(sequence.items):
        name = item.entry("name") if isinstance(item, MappingNode) else None
        if name is not None and isinstance(name.value, ScalarNode):
            names.setdefault(str(name.value.value), index)
    return names


def _item_index(key: ScalarNode, names: dict[str, int], count: int) -> int | None:
    """The 0-based index that a key means, ``count`` to append, or None; digits in quotes may be a name."""
    written = str(key.value)
    if not isinstance(key.value, int) and written in names:
        return names[written]
    if not (written.isascii() and written.isdigit()):
        return None
    number = int(written[:20])
    return number - 1 if 1 <= number <= count + 1 else None


def _no_such_item(key: ScalarNode, names: dict[str, int], count: int, trail: tuple[str, ...]) -> Diagnostic:
    """The mistake of a key that addresses no item."""
    numbers = f"items 1 to {count} exist" if count > 1 else "item 1 exists" if count else "the list is empty"
    named = f", with the names {', '.join(names)}" if names else ""
    where = Where(".".join((*trail, key.text)), key.source, key.span)
    return Diagnostic(
        "SPX107",
        f"there is no item {quoted(key.text)} in the list",
        where,
        help=f"{numbers}{named}; {count + 1} appends one",
    )


def _takes_away(node: Node) -> bool:
    """Whether a patch's value is ``null``."""
    return isinstance(node, ScalarNode) and node.value is None


def _differ_in_kind(base: MappingNode, patch: MappingNode) -> bool:
    """Whether both mappings name a kind, and not the same one; ``kind: null`` names none."""
    new = patch.entry("kind")
    old = None if new is None or _takes_away(new.value) else base.entry("kind")
    return new is not None and old is not None and plain(old.value) != plain(new.value)
