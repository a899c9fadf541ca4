"""Choices have values where they exist, and keys have values that the language accepts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from sparx_dsl.errors import SparxError
from sparx_dsl.language.resolve import SLOTS
from sparx_dsl.search.constraints.constraint import Constraint, Domains, scope_of
from sparx_dsl.search.constraints.effort import MAX_STEPS, Effort
from sparx_dsl.search.space.choices import MOST_SHOWN, OFF, Assignment, Choice, EditPath
from sparx_dsl.search.space.conditions import too_many
from sparx_dsl.search.space.edit_paths import layer_of
from sparx_dsl.search.space.existence import Layers, dependencies, exists, layers_of, may_be_off, numbers_of
from sparx_dsl.search.space.spec_keys import INVALID, ROOT_KEYS, STAGE_KEYS, SpecKey, SpecKeys

VALIDATION_STEPS = 6
"""To let the language's models check one value."""


def existence_constraints(choices: Sequence[Choice], keys: SpecKeys, domains: Domains) -> Iterator[Constraint]:
    """A choice has a value exactly where it exists.

    Raises ``SparxError`` (SPX003) for conditions on values of too many combinations: no sample would be valid if they
    were asked of whole points.
    """
    numbers, effort = numbers_of(choices), Effort()
    for number, choice in enumerate(choices):
        needed = dependencies(choice, numbers, keys)
        if may_be_off(choice, needed):
            scope = tuple(sorted({number, *needed}))
            combinations = math.prod(len(domains[one]) for one in scope)
            if not effort.allows(combinations):
                names = ", ".join(choices[one].name for one in needed[:MOST_SHOWN])
                total = MAX_STEPS - effort.left + combinations
                what = f"up to {choice.name}, which depends on {names}, conditions tie {total:,} combinations together"
                raise SparxError(too_many(what, choice.where, f"{MAX_STEPS:,}"))
            ask = partial(_exists_for, needed, choice, layers_of(choice), numbers, keys)
            yield Constraint(scope, partial(_exists_or_is_off, number, SpecKey(needed, ask)), steps=0)


def _exists_for(
    needed: tuple[int, ...], choice: Choice, layers: Layers, numbers: Mapping[str, int], keys: SpecKeys,
    row: tuple[int, ...],
) -> bool:  # fmt: skip
    return exists(choice, layers, numbers, keys, dict(zip(needed, row, strict=True)))


def _exists_or_is_off(number: int, there: SpecKey, assignment: Assignment) -> bool:
    return (assignment[number] != OFF) == there(assignment)


def value_constraints(keys: SpecKeys) -> Iterator[Constraint]:
    """Every key of what is there has a value that the language accepts."""
    for path in _paths(keys):
        key, layer = keys.at(path), layer_of(path)
        if key.scope:
            depth = keys.stage(layer[0], "depth").scope if layer else ()
            yield Constraint(scope_of([key], depth), partial(_is_accepted, key, layer, keys), VALIDATION_STEPS)


def _is_accepted(key: SpecKey, layer: tuple[int, int] | None, keys: SpecKeys, assignment: Assignment) -> bool:
    there = layer is None or keys.has_layer(*layer, assignment)
    return not there or key(assignment) is not INVALID


def _paths(keys: SpecKeys) -> Iterator[EditPath]:
    """Every key that is read on its own."""
    yield from ((key,) for key in ROOT_KEYS)
    yield from (("layer", slot) for slot in SLOTS)
    for stage in range(1, keys.stages + 1):
        yield from (("stages", stage, key) for key in STAGE_KEYS)
        yield from (("stages", stage, "layer", slot) for slot in SLOTS)
        numbers = range(1, keys.deepest(stage) + 1)
        yield from (("stages", stage, "layers", number, slot) for number in numbers for slot in SLOTS)
