"""When a choice exists: its conditions hold, and one of the layers that it refers to is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparx_dsl.search.space.choices import Assignment, Choice
from sparx_dsl.search.space.edit_paths import layer_of
from sparx_dsl.search.space.spec_keys import SpecKeys

Layers = tuple[tuple[int, int], ...]
"""Layers by stage and number, from 1."""


def numbers_of(choices: Sequence[Choice]) -> dict[str, int]:
    """The number of each choice by its name; of the first where two have one."""
    return {choices[number].name: number for number in reversed(range(len(choices)))}


def dependencies(choice: Choice, numbers: Mapping[str, int], keys: SpecKeys) -> tuple[int, ...]:
    """The choices on which it depends whether the choice exists; ``numbers`` are those of ``numbers_of``."""
    named = {numbers[condition.choice] for condition in choice.when}
    depths = [keys.stage(stage, "depth").scope for stage, _ in layers_of(choice)]
    return tuple(sorted(named.union(*depths)))


def may_be_off(choice: Choice, needed: Sequence[int]) -> bool:
    """Whether a choice with these ``dependencies`` may not exist: it has some, or a layer that no point may have."""
    return bool(needed) or bool(layers_of(choice))


def exists(choice: Choice, layers: Layers, numbers: Mapping[str, int], keys: SpecKeys, assignment: Assignment) -> bool:
    """Whether the choice exists for these values of those on which it depends; ``layers`` is ``layers_of`` it."""
    if any(assignment[numbers[condition.choice]] not in condition.among for condition in choice.when):
        return False
    return not layers or any(keys.has_layer(stage, layer, assignment) for stage, layer in layers)


def layers_of(choice: Choice) -> Layers:
    """Stage and number of the layers that the choice refers to; none where it refers to other keys too."""
    layers = [layer_of(path) for path in choice.paths]
    known = tuple(layer for layer in layers if layer is not None)
    return known if len(known) == len(layers) and not choice.has_links else ()


def in_order_of_need(needs: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The choices, each after those on which it depends; those in a cycle are left out."""
    missing = [len(set(own)) for own in needs]
    dependents: list[list[int]] = [[] for _ in needs]
    for number, own in enumerate(needs):
        for need in set(own):
            dependents[need].append(number)
    found: list[int] = []
    ready = [number for number, count in enumerate(missing) if not count]
    while ready:
        found += ready
        reached = [dependent for number in ready for dependent in dependents[number]]
        for dependent in reached:
            missing[dependent] -= 1
        ready = sorted({dependent for dependent in reached if not missing[dependent]})
    return tuple(found)
