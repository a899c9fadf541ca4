"""When a choice exists: its conditions hold, and one of the layers that it refers to is there."""

from __future__ import annotations

from collections.abc import Sequence

from sparx_dsl.search.space.choices import Assignment, Choice
from sparx_dsl.search.space.edit_paths import layer_of
from sparx_dsl.search.space.spec_keys import SpecKeys


def dependencies(choice: Choice, names: Sequence[str], keys: SpecKeys) -> tuple[int, ...]:
    """The choices on which it depends whether the choice exists."""
    named = {names.index(condition.choice) for condition in choice.when}
    depths = [keys.stage(stage, "depth").scope for stage, _ in layers_of(choice)]
    return tuple(sorted(named.union(*depths)))


def exists(choice: Choice, names: Sequence[str], keys: SpecKeys, assignment: Assignment) -> bool:
    """Whether the choice exists for these values of those on which it depends."""
    if any(assignment[names.index(condition.choice)] not in condition.among for condition in choice.when):
        return False
    layers = layers_of(choice)
    return not layers or any(keys.has_layer(stage, layer, assignment) for stage, layer in layers)


def layers_of(choice: Choice) -> tuple[tuple[int, int], ...]:
    """Stage and number of the layers that the choice refers to; none where it refers to other keys too."""
    layers = [layer_of(path) for path in choice.paths]
    known = tuple(layer for layer in layers if layer is not None)
    return known if len(known) == len(layers) and not choice.has_links else ()


def in_order_of_need(needs: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The choices, each after those on which it depends; those in a cycle are left out."""
    found: list[int] = []
    left = list(range(len(needs)))
    while ready := [number for number in left if all(need in found for need in needs[number])]:
        found += ready
        left = [number for number in left if number not in ready]
    return tuple(found)
