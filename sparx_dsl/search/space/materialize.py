"""The values of choices laid over the tree of a base spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sparx_dsl.reader.merge import merge_patch, nested
from sparx_dsl.reader.tree import Entry, MappingNode, Node, ScalarNode, SequenceNode
from sparx_dsl.search.space.choices import OFF, Alternative, Assignment, Choice, EditPath


@dataclass(frozen=True, slots=True)
class Patch:
    """What one choice lays over a path, by its value; the choice's number, and the node for each of its values."""

    choice: int
    path: EditPath
    nodes: tuple[Node | None, ...] = field(repr=False)
    """None for the values that write nothing to this path."""

    def node(self, assignment: Assignment) -> Node | None:
        """What is laid there; None for nothing."""
        value = assignment[self.choice]
        return None if value == OFF else self.nodes[value]


def patches_of(choices: Sequence[Choice]) -> tuple[Patch, ...]:
    """The patches of all choices, the wider paths first, so that the narrower ones are laid over them.

    Of equally wide ones kinds come first: another kind replaces what is beside it.
    """
    found: list[Patch] = []
    for number, choice in enumerate(choices):
        written = [dict(one.patches) for one in choice.alternatives]
        found += [Patch(number, path, tuple(one.get(path) for one in written)) for path in choice.paths]
    return tuple(sorted(found, key=lambda patch: (len(patch.path), patch.path[-1] != "kind")))


def overlay(tree: MappingNode, path: EditPath, value: Node) -> MappingNode:
    """The tree with a value laid over it at a path, by the rules of ``extends``; raises ``SparxError``."""
    merged = merge_patch(tree, nested(path, value))
    assert isinstance(merged, MappingNode)
    return merged


def overlay_links(tree: MappingNode, alternatives: Iterable[Alternative]) -> MappingNode:
    """The tree with the links of alternatives appended to those that it adds and cuts."""
    for action, link in (edit for one in alternatives for edit in one.links):
        held = find_node(tree, ("links", action))
        items = held.items if isinstance(held, SequenceNode) else ()
        tree = overlay(tree, ("links", action), SequenceNode((*items, link), link.span, link.source))
    return tree


def find_node(node: Node | None, path: EditPath) -> Node | None:
    """The node at a path with numbers from 1, or None."""
    for part in path:
        if isinstance(node, SequenceNode):
            inside = isinstance(part, int) and 1 <= part <= len(node.items)
            node = node.items[part - 1] if inside and isinstance(part, int) else None
        else:
            entry = node.entry(part) if isinstance(node, MappingNode) else None
            node = None if entry is None else entry.value
    return node


def only_path(node: Node, path: EditPath) -> Node:
    """The tree with nothing but what leads to a path, so that little has to be merged; lists keep their length."""
    if not path or isinstance(node, ScalarNode):
        return node
    if isinstance(node, SequenceNode):
        items = tuple(
            only_path(item, path[1:]) if number == path[0] else MappingNode(())
            for number, item in enumerate(node.items, 1)
        )
        return SequenceNode(items, node.span, node.source)
    entry = node.entry(path[0])
    if entry is None:
        return MappingNode(())
    return MappingNode((Entry(entry.key, only_path(entry.value, path[1:])),))
