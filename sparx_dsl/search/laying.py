"""The values of choices laid over a base spec: the whole tree of a point, or one cell of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sparx_dsl.reader.merge import merge_patch, nested
from sparx_dsl.reader.tree import Entry, MappingNode, Node, SequenceNode
from sparx_dsl.search.values import OFF, Choice, KeyPath, LinkAction


@dataclass(frozen=True, slots=True)
class Patch:
    """What one choice lays over a path, by its value; the choice's number, and the node for each of its values."""

    choice: int
    path: KeyPath
    nodes: tuple[Node | None, ...]
    """None for the values that write nothing to this path."""


def patches_of(choices: Sequence[Choice]) -> tuple[Patch, ...]:
    """The patches of all choices, the wider paths first, so that the narrower ones are laid over them."""
    found = [
        Patch(number, path, tuple(dict(one.patches).get(path) for one in choice.alternatives))
        for number, choice in enumerate(choices)
        for path in choice.paths
    ]
    return tuple(sorted(found, key=lambda patch: len(patch.path)))


def lay(tree: Node, path: KeyPath, value: Node) -> Node:
    """The tree with a value laid over it at a path, by the rules of ``extends``; raises ``SparxError``."""
    return merge_patch(tree, nested(path, value))


def with_links(tree: Node, links: Iterable[tuple[LinkAction, Node]]) -> Node:
    """The tree with links appended to those that it adds and cuts."""
    for action, link in links:
        held = node_at(tree, ("links", action))
        items = held.items if isinstance(held, SequenceNode) else ()
        tree = lay(tree, ("links", action), SequenceNode((*items, link), link.span, link.source))
    return tree


def node_at(node: Node | None, path: KeyPath) -> Node | None:
    """The node at a path with numbers from 1, or None."""
    for part in path:
        if isinstance(node, SequenceNode):
            inside = isinstance(part, int) and 1 <= part <= len(node.items)
            node = node.items[part - 1] if inside and isinstance(part, int) else None
        else:
            entry = node.entry(part) if isinstance(node, MappingNode) else None
            node = None if entry is None else entry.value
    return node


def spine(node: Node, path: KeyPath) -> Node:
    """The tree with nothing but what leads to a path, so that little has to be merged; lists keep their length."""
    if not path:
        return node
    if isinstance(node, SequenceNode):
        items = tuple(
            spine(item, path[1:]) if number == path[0] else MappingNode(()) for number, item in enumerate(node.items, 1)
        )
        return SequenceNode(items, node.span, node.source)
    entry = node.entry(path[0]) if isinstance(node, MappingNode) else None
    if entry is None:
        return MappingNode(())
    return MappingNode((Entry(entry.key, spine(entry.value, path[1:])),))


def overlap(first: KeyPath, second: KeyPath) -> bool:
    """Whether one path leads to or through the other."""
    return all(a == b for a, b in zip(first, second, strict=False))


@dataclass(frozen=True)
class Cell:
    """One key of the spec that the rules read, as it stands after all choices that touch it."""

    path: KeyPath
    base: Node = field(repr=False)
    patches: tuple[Patch, ...] = field(repr=False)

    @property
    def scope(self) -> tuple[int, ...]:
        """The choices that touch this key, by number."""
        return tuple(dict.fromkeys(patch.choice for patch in self.patches))

    def node(self, row: Sequence[int]) -> Node | None:
        """The key's node where the choices of ``scope`` have the values of ``row``; None where it is absent."""
        picks = dict(zip(self.scope, row, strict=True))
        tree = self.base
        for patch in self.patches:
            value = patch.nodes[picks[patch.choice]] if picks[patch.choice] != OFF else None
            if value is not None:
                tree = lay(tree, patch.path, value)
        return node_at(tree, self.path)


def cell_of(tree: Node, patches: Iterable[Patch], path: KeyPath) -> Cell:
    """The cell of a key path."""
    return Cell(path, spine(tree, path), tuple(patch for patch in patches if overlap(patch.path, path)))
