"""Counting by tables, against a walk through all combinations."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.search import make_space
from sparx_dsl.search.constraints.bucket_elimination import eliminate
from sparx_dsl.search.constraints.factor import Factor, TooWideError
from tests.support.paths import SPECS

Problem = tuple[list[list[int]], list[Factor]]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """A few choices of few values, and tables over some of them."""
    domains = draw(st.lists(st.lists(st.integers(-1, 3), min_size=1, max_size=3, unique=True), min_size=1, max_size=5))
    tables: list[Factor] = []
    for _ in range(draw(st.integers(0, 4))):
        scope = tuple(draw(st.lists(st.integers(0, len(domains) - 1), min_size=1, max_size=3, unique=True)))
        every = list(itertools.product(*(domains[choice] for choice in scope)))
        tables.append(Factor(scope, dict.fromkeys(draw(st.sets(st.sampled_from(every))), 1)))
    return domains, tables


def walk(domains: Sequence[Sequence[int]], tables: Sequence[Factor]) -> list[dict[int, int]]:
    """Every combination that all tables have."""
    rows = (dict(enumerate(row)) for row in itertools.product(*domains))
    return [row for row in rows if all(tuple(row[choice] for choice in table.scope) in table.rows for table in tables)]


@given(problems())
def test_the_count_is_what_a_walk_finds(problem: Problem) -> None:
    """Total, numbering and support are those of the combinations that fit."""
    domains, tables = problem
    counted, expected = eliminate(domains, tables), walk(domains, tables)
    assert counted.total == len(expected)
    found = [counted.assignment(index) for index in range(counted.total)]
    assert sorted(map(sorted_items, found)) == sorted(map(sorted_items, expected))
    assert [counted.number(row) for row in found] == list(range(counted.total))
    support = {choice: {row[choice] for row in expected} for choice in range(len(domains))}
    if expected:
        assert counted.supported() == support


def sorted_items(row: dict[int, int]) -> list[tuple[int, int]]:
    """A row as a value that sorts."""
    return sorted(row.items())


def test_tables_too_wide_are_refused() -> None:
    """A join of more rows than allowed is given up."""
    every = dict.fromkeys(itertools.product(range(9), range(9)), 1)
    with pytest.raises(TooWideError):
        eliminate([range(9)] * 3, [Factor((0, 1), every), Factor((1, 2), every), Factor((0, 2), every)], most=100)


def test_rules_that_no_table_holds_are_asked_of_whole_points() -> None:
    """With room for small tables only, the count is an upper limit, and the points stay the same."""
    base = sparx_dsl.load_spec(SPECS / "sparx_mamba_t.yaml")
    free = make_space(base, {"stages.3.depth": {"from": 4, "to": 6}, "stages.3.S": {"from": 1, "to": 6}})
    points = set(free.enumerate())
    loose = replace(free, most_combinations=10)
    assert (free.exact, loose.exact) == (True, False)
    assert loose.count > free.count == len(points) == loose.count_within()
    assert set(loose.enumerate()) == points
    assert {loose.sample(seed) for seed in range(50)} <= points
