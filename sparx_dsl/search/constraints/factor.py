"""A table of the rows of values that a few choices may have together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Row = tuple[int, ...]


class TooWideError(Exception):
    """The constraints tie too many choices together for tables."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Which rows of values the choices of ``scope`` may have, and in how many ways each."""

    scope: tuple[int, ...]
    rows: Mapping[Row, int]

    def has(self, assignment: Mapping[int, int]) -> bool:
        """Whether the choices may have these values."""
        return row_of(self.scope, assignment) in self.rows


def join(first: Factor, second: Factor, most: int) -> Factor:
    """The rows that both allow, of the choices of both; raises ``TooWideError`` where there are more than ``most``."""
    shared = [choice for choice in second.scope if choice in first.scope]
    extra = [place for place, choice in enumerate(second.scope) if choice not in first.scope]
    here, there = [first.scope.index(choice) for choice in shared], [second.scope.index(choice) for choice in shared]
    partners: dict[Row, list[tuple[Row, int]]] = {}
    for row, ways in second.rows.items():
        partners.setdefault(row_at(row, there), []).append((row_at(row, extra), ways))
    rows: dict[Row, int] = {}
    for row, ways in first.rows.items():
        for more, other_ways in partners.get(row_at(row, here), ()):
            rows[(*row, *more)] = ways * other_ways
        if len(rows) > most:
            raise TooWideError
    return Factor((*first.scope, *(second.scope[place] for place in extra)), rows)


def tabulate(scope: tuple[int, ...], domains: Sequence[Sequence[int]], allows: Callable[[Row], bool]) -> Factor:
    """The table of the rows that ``allows`` lets pass."""
    every = itertools.product(*(domains[choice] for choice in scope))
    return Factor(scope, {row: 1 for row in every if allows(row)})


def row_of(scope: Iterable[int], assignment: Mapping[int, int]) -> Row:
    """The values that an assignment has for these choices."""
    return tuple(assignment[choice] for choice in scope)


def row_at(row: Row, places: Iterable[int]) -> Row:
    """The values at these places of a row."""
    return tuple(row[place] for place in places)
