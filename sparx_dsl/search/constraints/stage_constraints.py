"""The placement of ganglion layers in each stage, and the number of layers in total."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from pydantic import ValidationError

from sparx_dsl.language.checks.check_spec import check_stage
from sparx_dsl.language.models import SpecModel
from sparx_dsl.language.resolve import StageRule, rule_of, stage_rule
from sparx_dsl.pricing.stage_shape import features_read
from sparx_dsl.search.constraints.constraint import Constraint, scope_of
from sparx_dsl.search.space.choices import Assignment
from sparx_dsl.search.space.spec_keys import INVALID, PLAIN_SPEC, PLAIN_STAGE, SpecKey, SpecKeys

PLACEMENT = ("depth", "S", "M", "ganglion", "cross_stage", "intra")
"""The keys of a stage that ``language.resolve.rule_of`` makes its rule of, in that order."""


def placement_keys(keys: SpecKeys, stage: int) -> tuple[SpecKey, ...]:
    """The keys of the stage of that number that say which layers are ganglion layers, and what they read."""
    return tuple(keys.stage(stage, key) for key in PLACEMENT)


def rule_at(placement: tuple[SpecKey, ...], assignment: Assignment) -> StageRule | None:
    """The rule that the ``placement_keys`` of a stage make; None where a value is invalid."""
    values = [key(assignment) for key in placement]
    return None if INVALID in values else rule_of(*values)


def placement_constraints(keys: SpecKeys, linked: Collection[tuple[int, int]]) -> Iterator[Constraint]:
    """Each stage has no error of placement, and no ganglion layer that reads nothing.

    ``linked`` are the layers that links lead to, by stage and number: what they read, the constraints of links say.
    """
    for stage in range(1, keys.stages + 1):
        placement, numbers = placement_keys(keys, stage), keys.layer_numbers(stage)
        if scope := scope_of([*placement, numbers]):
            read_otherwise = {layer for other, layer in linked if other == stage}
            yield Constraint(scope, partial(_is_valid, placement, numbers, read_otherwise))


def _is_valid(
    placement: tuple[SpecKey, ...], numbers: SpecKey, read_otherwise: Collection[int], assignment: Assignment
) -> bool:
    """Whether the language has nothing against a stage of that placement, with settings for layers of these numbers."""
    values = {name: key(assignment) for name, key in zip(PLACEMENT, placement, strict=True)}
    layers = numbers(assignment)
    if INVALID in (layers, *values.values()):
        return False
    given = {name: value for name, value in values.items() if value is not None}
    settings: dict[int, dict[str, object]] = {number: {} for number in layers}
    stage = {**PLAIN_STAGE, **given, "layers": settings}
    try:
        spec = SpecModel.model_validate({**PLAIN_SPEC, "stages": [stage]})
    except ValidationError:
        return False
    if next(check_stage(spec, 0), None) is not None:
        return False
    rule = stage_rule(spec.stages[0])
    features = features_read(rule)
    return all(features[layer - 1] or layer in read_otherwise for layer in rule.ganglion)


def total_constraints(keys: SpecKeys, most: int) -> Iterator[Constraint]:
    """All stages together stay within the limit of layers."""
    stages = range(1, keys.stages + 1)
    if sum(map(keys.deepest, stages)) > most:
        depths = [keys.stage(stage, "depth") for stage in stages]

        def holds(assignment: Assignment) -> bool:
            found = [depth(assignment) for depth in depths]
            return sum(depth for depth in found if depth is not INVALID) <= most

        yield Constraint(scope_of(depths), holds)
