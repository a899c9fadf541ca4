"""From a spec back to the point of a space that makes it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sparx_dsl.errors import SparxError
from sparx_dsl.language.spec import Spec
from sparx_dsl.reader.tree import MappingNode, Node, ScalarNode, SequenceNode, node_of
from sparx_dsl.search.canonical_form import fingerprint
from sparx_dsl.search.sampling.neighbours import complete
from sparx_dsl.search.space.choices import OFF, Choice, EditPath, Point, same, value_of
from sparx_dsl.search.space.edit_paths import layer_of
from sparx_dsl.search.space.materialize import find_node, overlay
from sparx_dsl.search.space_model import SpaceModel

MAX_CANDIDATES = 200
"""Points whose backbone is compared with the spec."""


def find_point(space: SpaceModel, spec: Spec) -> Point | None:
    """See ``Space.point_of``."""
    paths = [path for choice in space.choices for path in choice.paths]
    written = node_of(spec.written(), limits=spec.limits)
    assert isinstance(written, MappingNode)
    wanted: dict[int, list[int]] = {}
    for number, choice in enumerate(space.choices):
        domain = [value for value in space.compiled.domains[number] if value != OFF]
        wanted[number] = [value for value in domain if _is_written(spec, written, choice, value, paths)]
    hash_of_spec = fingerprint(spec)
    for picks in itertools.islice(complete(space.compiled, wanted), MAX_CANDIDATES):
        point = space.point_of_picks(picks)
        if fingerprint(space.spec(point)) == hash_of_spec:
            return point
    return None


def _is_written(spec: Spec, written: MappingNode, choice: Choice, value: int, paths: Sequence[EditPath]) -> bool:
    """Whether a spec, of which ``written`` is the tree, has what a choice's value would write.

    That is so where laying it over the spec changes nothing. The keys further in that are chosen by themselves
    (``paths`` are all of the space) do not count.
    """
    alternative = choice.alternatives[value]
    for path, node in alternative.patches:
        stage, layer = layer_of(path) or (0, 0)
        if 0 < stage <= len(spec.stages) and layer > spec.stages[stage - 1].depth:
            continue
        try:
            changed = overlay(written, path, node)
        except SparxError:
            return False
        inner = [other for other in paths if len(other) > len(path) and other[: len(path)] == path]
        if not _alike(find_node(_without(written, inner), path), find_node(_without(changed, inner), path)):
            return False
    every = {(action, str(value_of(node))) for one in choice.alternatives for action, node in one.links}
    on = {(action, str(value_of(node))) for action, node in alternative.links}
    return all(_is_listed(written, action, text) == ((action, text) in on) for action, text in every)


def _without(tree: MappingNode, paths: Sequence[EditPath]) -> MappingNode:
    """The tree with nothing at these paths, and with the mappings that lead there."""
    for path in paths:
        tree = overlay(tree, path, ScalarNode(None, "null"))
    return tree


def _is_listed(written: MappingNode, action: str, text: str) -> bool:
    """Whether a spec adds or cuts that link."""
    links = find_node(written, ("links", action))
    return isinstance(links, SequenceNode) and any(str(value_of(item)) == text for item in links.items)


def _alike(before: Node | None, after: Node | None) -> bool:
    """Whether two nodes are both absent, or have the same value."""
    if before is None or after is None:
        return before is after
    return same(value_of(before), value_of(after))
