"""The placement of ganglion layers in each stage, and the number of layers in total."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from functools import partial

from sparx_dsl.graph.rule import stage_reads
from sparx_dsl.language.checks.check_spec import check_stage
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.models import LayerOptions, SpecModel
from sparx_dsl.language.resolve import StageRule, rule_of, stage_rule
from sparx_dsl.reader.limits import DEFAULT_LIMITS
from sparx_dsl.reader.tree import MappingNode
from sparx_dsl.search.constraints.constraint import Constraint, scope_of
from sparx_dsl.search.space.choices import Assignment
from sparx_dsl.search.space.spec_keys import INVALID, PLAIN_SPEC, SpecKey, SpecKeys

PLACEMENT = ("depth", "S", "M", "ganglion", "cross_stage", "intra")
"""The keys of a stage that ``language.resolve.rule_of`` makes its rule of, in that order."""

PLACEMENT_STEPS = 5
"""To try one placement."""


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
            yield Constraint(scope, partial(_is_valid, placement, numbers, read_otherwise), PLACEMENT_STEPS)


def _is_valid(
    placement: tuple[SpecKey, ...], numbers: SpecKey, read_otherwise: Collection[int], assignment: Assignment
) -> bool:
    """Whether the language has nothing against a stage of that placement, with settings for layers of these numbers."""
    values = {name: key(assignment) for name, key in zip(PLACEMENT, placement, strict=True)}
    layers = numbers(assignment)
    if INVALID in (layers, *values.values()):
        return False
    given: dict[str, object] = {name: value for name, value in values.items() if value is not None}
    given["layers"] = FrozenDict({number: LayerOptions() for number in layers})
    # The models have checked each value by itself: what is left are the rules across them.
    plain = _plain_spec()
    stage = plain.stages[0].model_copy(update=given)
    spec = plain.model_copy(update={"stages": (stage,)})
    if next(check_stage(spec, 0), None) is not None:
        return False
    rule = stage_rule(stage)
    # A ganglion layer reads the one before it, if nothing else: only the first may read nothing.
    return all(stage_reads(rule, layer) or layer in read_otherwise for layer in rule.ganglion[:1])


@functools.cache
def _plain_spec() -> SpecModel:
    """A spec of one stage, which knows no places: stages are tried in it."""
    return SpecModel.model_validate(PLAIN_SPEC).with_origin(MappingNode(()), DEFAULT_LIMITS)


def total_constraints(keys: SpecKeys, most: int) -> Iterator[Constraint]:
    """All stages together stay within the limit of layers."""
    stages = range(1, keys.stages + 1)
    if sum(map(keys.deepest, stages)) > most:
        depths = [keys.stage(stage, "depth") for stage in stages]

        def holds(assignment: Assignment) -> bool:
            found = [depth(assignment) for depth in depths]
            return sum(depth for depth in found if depth is not INVALID) <= most

        yield Constraint(scope_of(depths), holds)
