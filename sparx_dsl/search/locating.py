"""From a spec back to the point of a space that makes it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparx_dsl.errors import SparxError
from sparx_dsl.language.spec import Spec
from sparx_dsl.reader.tree import Node, ScalarNode, SequenceNode, node_of
from sparx_dsl.search.canonical_form import fingerprint
from sparx_dsl.search.laying import lay, node_at
from sparx_dsl.search.moves import complete
from sparx_dsl.search.rules import layer_of
from sparx_dsl.search.values import OFF, Choice, KeyPath, Point, same, value_of

if TYPE_CHECKING:
    from sparx_dsl.search.space import Space

MAX_CANDIDATES = 200
"""Points whose backbone is compared with the spec."""


def find_point(space: Space, spec: Spec) -> Point | None:
    """See ``Space.point_of``."""
    written = node_of(spec.written())
    wanted: dict[int, list[int]] = {}
    chosen = [path for choice in space.choices for path in choice.paths]
    for number, choice in enumerate(space.choices):
        domain = [value for value in space.compiled.domains[number] if value != OFF]
        wanted[number] = [value for value in domain if _is_laid(written, choice, value, chosen)]
    aim = fingerprint(spec)
    for picks in itertools.islice(complete(space.compiled, wanted), MAX_CANDIDATES):
        point = space.made(picks)
        if space.hash(point) == aim:
            return point
    return None


def _is_laid(written: Node, choice: Choice, value: int, chosen: Sequence[KeyPath]) -> bool:
    """Whether a spec has what a choice's value would write: laying it over the spec changes nothing.

    The keys further in that are chosen by themselves (``chosen`` are all paths of the space) do not count.
    """
    alternative = choice.alternatives[value]
    for path, node in alternative.patches:
        layer = layer_of(path)
        depth = node_at(written, ("stages", layer[0], "depth")) if layer else None
        if layer and depth is not None and layer[1] > int(str(value_of(depth))):
            continue
        try:
            changed = lay(written, path, node)
        except SparxError:
            return False
        inner = [other for other in chosen if len(other) > len(path) and other[: len(path)] == path]
        if not _alike(node_at(_without(written, inner), path), node_at(_without(changed, inner), path)):
            return False
    every = {(action, str(value_of(node))) for one in choice.alternatives for action, node in one.links}
    on = {(action, str(value_of(node))) for action, node in alternative.links}
    return all(_is_listed(written, action, text) == ((action, text) in on) for action, text in every)


def _without(tree: Node, paths: Sequence[KeyPath]) -> Node:
    """The tree with nothing at these paths, and with the mappings that lead there."""
    for path in paths:
        tree = lay(tree, path, ScalarNode(None, "null"))
    return tree


def _is_listed(written: Node, action: str, text: str) -> bool:
    """Whether a spec adds or cuts that link."""
    links = node_at(written, ("links", action))
    return isinstance(links, SequenceNode) and any(str(value_of(item)) == text for item in links.items)


def _alike(before: Node | None, after: Node | None) -> bool:
    """Whether two nodes are both absent, or have the same value."""
    if before is None or after is None:
        return before is after
    return same(value_of(before), value_of(after))
