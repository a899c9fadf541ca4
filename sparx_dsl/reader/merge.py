"""One tree laid over another, as ``extends``, edits and the choices of spaces do it."""

from __future__ import annotations

from collections.abc import Sequence

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where, quoted
from sparx_dsl.reader.tree import Entry, MappingNode, Node, ScalarNode, SequenceNode, plain


def merge_patch(base: Node, patch: Node) -> Node:
    """``base`` with ``patch`` on top, every part keeping its own source and span.

    As in RFC 7386, a mapping is merged key by key, ``null`` removes a key, and anything else replaces what
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
        if _removes(entry.value):
            entries.pop(name, None)
        else:
            value = _merged(old.value if old else None, entry.value, (*trail, entry.key.text))
            entries[name] = Entry(entry.key, value)
    return MappingNode(tuple(entries.values()), patch.span, patch.source)


def _merged_items(base: SequenceNode, patch: MappingNode, trail: tuple[str, ...]) -> SequenceNode:
    """A list with some items changed; every number means the item that it meant before any was removed."""
    items: list[Node | None] = list(base.items)
    names = {} if all(isinstance(entry.key.value, int) for entry in patch.entries) else _item_names(base)
    for entry in patch.entries:
        index = _item_index(entry.key, names, len(items))
        appends = index == len(items)
        if index is None or (appends and _removes(entry.value)):
            raise SparxError(_no_such_item(entry.key, _item_names(base), len(items), trail))
        if appends:
            items.append(None)
        old = items[index]
        items[index] = None if _removes(entry.value) else _merged(old, entry.value, (*trail, entry.key.text))
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
    """The error of a key that addresses no item."""
    numbers = f"items 1 to {count} exist" if count > 1 else "item 1 exists" if count else "the list is empty"
    named = f", with the names {', '.join(names)}" if names else ""
    where = Where(".".join((*trail, key.text)), key.source, key.span)
    return Diagnostic(
        Code.MISSING_ITEM,
        f"the list has no item {quoted(key.text)}",
        where,
        help=f"{numbers}{named}; {count + 1} appends one",
    )


def _removes(node: Node) -> bool:
    """Whether a patch's value is ``null``."""
    return isinstance(node, ScalarNode) and node.value is None


def _differ_in_kind(base: MappingNode, patch: MappingNode) -> bool:
    """Whether both mappings name a kind, and not the same one; ``kind: null`` names none."""
    new = patch.entry("kind")
    old = None if new is None or _removes(new.value) else base.entry("kind")
    return new is not None and old is not None and plain(old.value) != plain(new.value)
