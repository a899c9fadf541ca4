"""From choices and rules to what counts and draws: domains, tables, and the rules that no table can hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sparx_dsl.language.resolve import stage_name
from sparx_dsl.language.spec import Spec
from sparx_dsl.reader.tree import MappingNode
from sparx_dsl.search.counting import Count, Table, TooWideError, count, tabulate
from sparx_dsl.search.fitting import end_rules, layer_rules
from sparx_dsl.search.laying import patches_of
from sparx_dsl.search.linking import Links
from sparx_dsl.search.readings import Picks, Readings
from sparx_dsl.search.rules import (
    Rule,
    dependencies,
    existence_rules,
    placement_rules,
    total_rules,
    value_rules,
)
from sparx_dsl.search.values import OFF, Choice

MAX_COMBINATIONS = 400_000
"""Combinations that one rule's table is made from."""


@dataclass(frozen=True)
class Compiled:
    """A space ready to be counted and drawn from."""

    readings: Readings = field(repr=False)
    domains: tuple[tuple[int, ...], ...]
    """For each choice its values by number, and ``OFF`` for one that may not exist."""
    needs: tuple[tuple[int, ...], ...]
    """For each choice those on which its existence depends."""
    order: tuple[int, ...]
    """The choices, each after those on which it depends."""
    tables: tuple[Table, ...] = field(repr=False)
    late: tuple[Rule, ...]
    """Rules that tie too many choices together for a table: they are asked of whole points."""
    counted: Count = field(repr=False)
    by_choice: Mapping[int, tuple[Table, ...]] = field(repr=False)
    """The tables that speak of a choice."""

    def tables_hold(self, picks: Picks) -> bool:
        """Whether the rules hold that are in tables."""
        return all(tuple(picks[choice] for choice in table.scope) in table.rows for table in self.tables)

    def late_hold(self, picks: Picks) -> bool:
        """Whether the rules hold that no table has."""
        return all(rule.allows(picks) for rule in self.late)


def compile_choices(
    base: Spec, tree: MappingNode, choices: Sequence[Choice], most_combinations: int = MAX_COMBINATIONS
) -> Compiled:
    """Gather the rules of a space and turn those into tables that have at most so many combinations."""
    readings = Readings(tree, patches_of(choices), len(base.stages))
    names = [choice.name for choice in choices]
    needs = tuple(dependencies(choice, names, readings) for choice in choices)
    domains = [
        (*((OFF,) if needs[number] else ()), *range(len(choice.alternatives))) for number, choice in enumerate(choices)
    ]
    tables: list[Table] = []
    late: list[Rule] = []
    for rule in _rules(base, readings, choices, domains):
        if math.prod(len(domains[choice]) for choice in rule.scope) > most_combinations:
            late.append(rule)
            continue
        table = tabulate(rule.scope, domains, rule.allows_row)
        if len(rule.scope) == 1:
            domains[rule.scope[0]] = tuple(value for (value,) in table.rows)
        tables.append(table)
    counted, tables, late = _counted(domains, needs, tables, late)
    by_choice = {number: tuple(table for table in tables if number in table.scope) for number in range(len(choices))}
    return Compiled(readings, tuple(domains), needs, ordered(needs), tuple(tables), tuple(late), counted, by_choice)


def ordered(needs: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The choices, each after those on which it depends; those in a circle are left out."""
    found: list[int] = []
    left = list(range(len(needs)))
    while ready := [number for number in left if all(need in found for need in needs[number])]:
        found += ready
        left = [number for number in left if number not in ready]
    return tuple(found)


def _rules(
    base: Spec, readings: Readings, choices: Sequence[Choice], domains: Sequence[Sequence[int]]
) -> Iterator[Rule]:
    """All rules, those of few choices first where that narrows the domains of the others."""
    values = sorted(value_rules(readings), key=lambda rule: len(rule.scope))
    links = Links(readings, choices, domains, tuple(stage_name(base, index) for index in range(len(base.stages))))
    yield from values
    yield from existence_rules(choices, readings)
    yield from placement_rules(readings, links.targets())
    yield from total_rules(readings, base.limits.layers_in_total)
    yield from end_rules(readings, domains)
    yield from layer_rules(readings, domains, links.added, links.receives)
    yield from links.rules()


def _counted(
    domains: Sequence[Sequence[int]], needs: Sequence[Sequence[int]], tables: list[Table], late: list[Rule]
) -> tuple[Count, list[Table], list[Rule]]:
    """The count; where the tables are too wide together, the widest ones are asked of whole points instead."""
    while True:
        try:
            return count(domains, tables, needs), tables, late
        except TooWideError:
            widest = max(tables, key=lambda table: (len(table.scope), len(table.rows)))
            tables = [table for table in tables if table is not widest]
            late = [*late, _as_rule(widest)]


def _as_rule(table: Table) -> Rule:
    def allows(picks: Picks) -> bool:
        return tuple(picks[choice] for choice in table.scope) in table.rows

    return Rule(table.scope, allows, "several choices together")
