"""Random values of Hypothesis's strategies by seed and number, without its database, shrinking and reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Value = TypeVar("Value")
TOGETHER = 50
"""Values of one run of Hypothesis, which slows down where it has seen many."""


APART = 1_000_003
"""Between the numbers of one run and the next."""


def drawn(strategy: st.SearchStrategy[Value], number: int) -> Iterator[Value]:
    """Values without end, which depend on the number alone."""
    while True:
        yield from _some(strategy, number)
        number += APART


def numbered(strategy: st.SearchStrategy[Value], number: int, places: range) -> Iterator[tuple[int, Value]]:
    """The values at these places of those that ``drawn`` would give, were there ``TOGETHER`` in each run; some have
    fewer.
    """
    for run in range(places.start // TOGETHER, -(-places.stop // TOGETHER)):
        for place, value in enumerate(_some(strategy, number + APART * run)[:TOGETHER], start=TOGETHER * run):
            if place in places:
                yield place, value


def _some(strategy: st.SearchStrategy[Value], number: int) -> list[Value]:
    values: list[Value] = []

    @seed(number)
    @settings(
        max_examples=TOGETHER, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
    )  # fmt: skip
    @given(strategy)
    def collect(value: Value) -> None:
        values.append(value)

    collect()
    return values
