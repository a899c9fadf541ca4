"""Nulls in a spec that a program wrote: keys that were left out, as JSON and dataclasses write them."""

from __future__ import annotations

from typing import cast

from sparx_dsl.language.checks.describe_schema import Slot, language
from sparx_dsl.reader.tree import Entry, MappingNode, Node, ScalarNode, SequenceNode


def without_nulls(tree: MappingNode) -> MappingNode:
    """The tree without the nulls of keys whose default is null; all others stay, for the checks to refuse.

    The same for a tree that has none. It is for data only: in a text, which people write, a null is refused.
    """
    return cast("MappingNode", _cleared(tree, language())) if _holds_null(tree) else tree


def _holds_null(node: Node) -> bool:
    if isinstance(node, MappingNode):
        return any(_holds_null(entry.value) for entry in node.entries)
    return any(map(_holds_null, node.items)) if isinstance(node, SequenceNode) else node.value is None


def _cleared(node: Node, slot: Slot) -> Node:
    """The node without such nulls; ``slot`` is what may stand there."""
    if isinstance(node, SequenceNode):
        items = (_step(item, slot.step(index)) for index, item in enumerate(node.items))
        return SequenceNode(tuple(items), node.span, node.source)
    if isinstance(node, ScalarNode):
        return node
    fields, kept = slot.at(node), list[Entry]()
    for entry in node.entries:
        inner = fields.step(str(entry.key.value))
        if not (inner is not None and inner.default_is_null and _is_null(entry.value)):
            kept.append(Entry(entry.key, _step(entry.value, inner)))
    return MappingNode(tuple(kept), node.span, node.source)


def _step(node: Node, slot: Slot | None) -> Node:
    return node if slot is None else _cleared(node, slot)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None
