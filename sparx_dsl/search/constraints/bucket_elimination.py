"""Counts what fits together without listing it: tables of constraints joined choice by choice (bucket elimination).

Source: R. Dechter, "Bucket elimination: a unifying framework for reasoning", Artificial Intelligence 113 (1999).
Choices are numbered, and a value is a number too. A constraint is a factor: the rows that its few choices may have.
To eliminate a choice, the factors that refer to it are joined and summed over its values; what remains is a message to
the choices that are left. The joined factors are kept: they say for each choice, given those eliminated later, how many
ways to go on each of its values has. So points can be counted, numbered, sampled uniformly and walked through in order,
whatever their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sparx_dsl.search.constraints.elimination_order import PendingFactors
from sparx_dsl.search.constraints.factor import Factor, Row, join, row_at, row_of

MAX_ROWS = 300_000
"""Rows of one joined factor."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """An eliminated choice: its values, given the choices of ``context``, with the ways to go on."""

    choice: int
    context: tuple[int, ...]
    options: Mapping[Row, Sequence[tuple[int, int]]]
    totals: Mapping[Row, int]


@dataclass(frozen=True, slots=True)
class BucketTree:
    """All that fits, as buckets in the order in which to decide: a context is decided before its choice."""

    buckets: tuple[Bucket, ...]
    children: Mapping[int, tuple[Bucket, ...]] = field(repr=False)
    """For each choice the buckets whose message it took."""
    roots: tuple[Bucket, ...] = field(repr=False)

    @property
    def total(self) -> int:
        """How many assignments fit."""
        return math.prod(bucket.totals.get((), 0) for bucket in self.roots)

    def assignment(self, index: int) -> dict[int, int]:
        """The assignment of that number, from 0; raises ``IndexError`` beyond the total."""
        if not 0 <= index < self.total:
            raise IndexError(f"point number {index} is out of range: there are {self.total} points")
        found: dict[int, int] = {}
        pending: list[tuple[Bucket, int]] = []
        self._split(self.roots, index, found, pending)
        while pending:
            bucket, rest = pending.pop()
            for value, ways in bucket.options[row_of(bucket.context, found)]:
                if rest < ways:
                    found[bucket.choice] = value
                    self._split(self.children[bucket.choice], rest, found, pending)
                    break
                rest -= ways
        return found

    def number(self, assignment: Mapping[int, int]) -> int:
        """The number of an assignment that fits; raises ``KeyError`` for one that does not."""
        numbers: dict[int, int] = {}
        for bucket in reversed(self.buckets):
            before = 0
            for value, ways in bucket.options[row_of(bucket.context, assignment)]:
                if value == assignment[bucket.choice]:
                    break
                before += ways
            else:
                raise KeyError(bucket.choice)
            numbers[bucket.choice] = before + self._joined(self.children[bucket.choice], numbers, assignment)
        return self._joined(self.roots, numbers, assignment)

    def decide(self, pick: Callable[[int, Sequence[tuple[int, int]]], int]) -> dict[int, int]:
        """The assignment that ``pick`` makes, asked for each choice with the values that can go on (and their ways)."""
        found: dict[int, int] = {}
        for bucket in self.buckets:
            found[bucket.choice] = pick(bucket.choice, bucket.options[row_of(bucket.context, found)])
        return found

    def supported(self) -> dict[int, set[int]]:
        """For each choice the values that some assignment has."""
        reached: dict[int, set[Row]] = {bucket.choice: {()} for bucket in self.roots if bucket.totals.get(())}
        values: dict[int, set[int]] = {}
        for bucket in self.buckets:
            rows = [
                (context, value)
                for context in reached.get(bucket.choice, ())
                for value, _ in bucket.options.get(context, ())
            ]
            values[bucket.choice] = {value for _, value in rows}
            scope = (*bucket.context, bucket.choice)
            for child in self.children[bucket.choice]:
                places = [scope.index(choice) for choice in child.context]
                reached[child.choice] = {row_at((*context, value), places) for context, value in rows}
        return values

    def _split(
        self, parts: tuple[Bucket, ...], index: int, found: Mapping[int, int], pending: list[tuple[Bucket, int]]
    ) -> None:
        """Share a number out among parts that are independent of one another."""
        for bucket in reversed(parts):
            index, rest = divmod(index, bucket.totals[row_of(bucket.context, found)])
            pending.append((bucket, rest))

    def _joined(self, parts: tuple[Bucket, ...], numbers: Mapping[int, int], found: Mapping[int, int]) -> int:
        """The inverse of ``_split``."""
        index = 0
        for bucket in parts:
            index = index * bucket.totals[row_of(bucket.context, found)] + numbers[bucket.choice]
        return index


def eliminate(
    domains: Sequence[Sequence[int]],
    factors: Iterable[Factor],
    needs: Sequence[Sequence[int]] | None = None,
    most: int = MAX_ROWS,
) -> BucketTree:
    """Eliminate the choices one by one, each time the one that ties the fewest combinations together.

    ``needs`` are for each choice those that are to be decided before it, so it is eliminated before them.
    Raises ``TooWideError`` where a joined factor would have more than ``most`` rows.
    """
    pending = PendingFactors[Bucket](domains, factors, needs or [()] * len(domains))
    buckets, roots = list[Bucket](), list[Bucket]()
    children: dict[int, tuple[Bucket, ...]] = {}
    while (choice := pending.take_narrowest()) is not None:
        joined = pending.take_factors(choice)
        bucket = _bucket(choice, domains[choice], [factor for factor, _ in joined], most)
        children[choice] = tuple(sender for _, sender in joined if sender is not None)
        if bucket.context:
            pending.add(Factor(bucket.context, bucket.totals), bucket)
        else:
            roots.append(bucket)
        buckets.append(bucket)
    return BucketTree(tuple(reversed(buckets)), children, tuple(roots))


def _bucket(choice: int, domain: Sequence[int], factors: Sequence[Factor], most: int) -> Bucket:
    joined = Factor((choice,), {(value,): 1 for value in domain})
    for factor in sorted(factors, key=lambda one: len(one.rows)):
        joined = join(joined, factor, most)
    place = joined.scope.index(choice)
    context = tuple(other for other in joined.scope if other != choice)
    options: dict[Row, list[tuple[int, int]]] = {}
    for row, ways in joined.rows.items():
        options.setdefault((*row[:place], *row[place + 1 :]), []).append((row[place], ways))
    for found in options.values():
        found.sort()
    totals = {row: sum(ways for _, ways in found) for row, found in options.items()}
    return Bucket(choice, context, options, totals)
