"""From choices and constraints to what counts and samples: domains, factors, and the constraints that none can hold."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sparx_dsl.language.resolve import stage_name
from sparx_dsl.language.spec import Spec
from sparx_dsl.search.constraints.bucket_elimination import BucketTree, eliminate
from sparx_dsl.search.constraints.constraint import Constraint, Domains
from sparx_dsl.search.constraints.effort import Effort
from sparx_dsl.search.constraints.factor import Factor, TooWideError, tabulate
from sparx_dsl.search.constraints.link_constraints import LinkConstraints
from sparx_dsl.search.constraints.stage_constraints import placement_constraints, total_constraints
from sparx_dsl.search.constraints.value_constraints import existence_constraints, value_constraints
from sparx_dsl.search.constraints.width_constraints import end_constraints, layer_constraints
from sparx_dsl.search.space.choices import OFF, Assignment, Choice
from sparx_dsl.search.space.existence import dependencies, in_order_of_need, may_be_off, numbers_of
from sparx_dsl.search.space.spec_keys import SpecKeys

MAX_COMBINATIONS = 400_000
"""Combinations that the table of one constraint is made from."""


@dataclass(frozen=True)
class Compiled:
    """A space ready to be counted and sampled."""

    domains: tuple[tuple[int, ...], ...]
    """For each choice its values by number, and ``OFF`` for one that may not exist."""
    order: tuple[int, ...]
    """The choices, each after those on which it depends."""
    factors: tuple[Factor, ...] = field(repr=False)
    late: tuple[Constraint, ...]
    """Constraints that tie too many choices together for a table: they are asked of whole points."""
    buckets: BucketTree = field(repr=False)
    by_choice: Mapping[int, tuple[Factor, ...]] = field(repr=False)
    """The factors that refer to a choice."""

    @functools.cached_property
    def supported(self) -> Mapping[int, set[int]]:
        """For each choice the values that some assignment has which fits the tables."""
        return self.buckets.supported()

    def factors_hold(self, assignment: Assignment) -> bool:
        """Whether the constraints hold that are in tables."""
        return all(factor.has(assignment) for factor in self.factors)

    def late_hold(self, assignment: Assignment) -> bool:
        """Whether the constraints hold that no table has."""
        return all(constraint.holds(assignment) for constraint in self.late)


def compile_constraints(
    base: Spec, keys: SpecKeys, choices: Sequence[Choice], most_combinations: int = MAX_COMBINATIONS
) -> Compiled:
    """Gather the constraints of a space, and make tables of those that have at most so many combinations.

    Those that come after ``effort.MAX_STEPS`` get no table either. Raises ``SparxError`` (SPX003) where that concerns
    the conditions of choices.
    """
    numbers = numbers_of(choices)
    needs = [dependencies(choice, numbers, keys) for choice in choices]
    domains: list[tuple[int, ...]] = [
        (*((OFF,) if may_be_off(choice, need) else ()), *range(len(choice.alternatives)))
        for need, choice in zip(needs, choices, strict=True)
    ]
    factors: list[Factor] = []
    late: list[Constraint] = []
    effort = Effort()
    for constraint in _constraints(base, keys, choices, domains, effort):
        scope = constraint.scope
        combinations = math.prod(len(domains[choice]) for choice in scope)
        if combinations > most_combinations or not effort.allows(combinations * constraint.steps):
            late.append(constraint)
            continue
        factors.append(tabulate(scope, domains, constraint.holds_for))
        if len(scope) == 1:
            domains[scope[0]] = tuple(value for (value,) in factors[-1].rows)
    buckets = _eliminate(domains, needs, factors, late)
    by_choice: dict[int, list[Factor]] = {number: [] for number in range(len(choices))}
    for factor in factors:
        for number in set(factor.scope):
            by_choice[number].append(factor)
    tables = {number: tuple(own) for number, own in by_choice.items()}
    return Compiled(
        tuple(domains), in_order_of_need(needs), tuple(factors), tuple(late), buckets, tables
    )  # fmt: skip


def _constraints(
    base: Spec, keys: SpecKeys, choices: Sequence[Choice], domains: Domains, effort: Effort
) -> Iterator[Constraint]:
    """All constraints, those of few choices first where that narrows the domains of the others."""
    links = LinkConstraints(keys, choices, domains, [stage_name(base, index) for index in range(len(base.stages))])
    yield from sorted(value_constraints(keys), key=lambda constraint: len(constraint.scope))
    yield from existence_constraints(choices, keys, domains)
    yield from placement_constraints(keys, links.targets())
    yield from total_constraints(keys, base.limits.layers_in_total)
    yield from end_constraints(keys, domains)
    yield from layer_constraints(keys, domains, links, effort)
    yield from links.constraints()


def _eliminate(
    domains: Domains, needs: Sequence[Sequence[int]], factors: list[Factor], late: list[Constraint]
) -> BucketTree:
    """The buckets; where the factors are too wide together, the widest ones become late constraints instead."""
    while True:
        try:
            return eliminate(domains, factors, needs)
        except TooWideError:
            widest = max(factors, key=lambda factor: (len(factor.scope), len(factor.rows)))
            factors.remove(widest)
            late.append(Constraint(widest.scope, widest.has))
