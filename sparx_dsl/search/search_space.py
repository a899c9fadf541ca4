"""A space of backbones, and what can be done with one: counted, numbered, sampled, walked through, and never listed."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sparx_dsl.errors import Code, Diagnostic, SparxError, did_you_mean, quoted
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.spec import Spec
from sparx_dsl.search.canonical_form import fingerprint
from sparx_dsl.search.sampling import neighbours
from sparx_dsl.search.sampling.find_point import find_point
from sparx_dsl.search.sampling.rejection_sampling import sample_within_bounds
from sparx_dsl.search.space.choices import OFF, Choice, Point, same
from sparx_dsl.search.space_html import space_html
from sparx_dsl.search.space_model import SpaceModel

if TYPE_CHECKING:
    from sparx_dsl.search.batched import BatchPrices, PointRows, SpaceBatches


class Space(SpaceModel):
    """All backbones that some choices make of a base spec; made by ``load_space``, ``parse_space`` or ``make_space``.

    A point of it has a value for each choice that exists there, and every point is a valid backbone. Points that
    do not keep ``bounds`` are counted and numbered, but neither sampled nor enumerated.
    """

    def _repr_html_(self) -> str:
        """How notebooks show it: the choices with their values, and the bounds."""
        return space_html(self)

    def __repr__(self) -> str:
        return f"Space({self.name!r}, {len(self.choices)} choices, {len(self.bounds)} bounds)"

    def count_within(self, most: int = 10_000) -> int | None:
        """How many points satisfy the bounds, priced one by one; None where more than ``most`` would have to be."""
        if not self.bounds and self.exact:
            return self.count
        return sum(1 for _ in self.enumerate()) if self.count <= most else None

    def enumerate(self) -> Iterator[Point]:
        """Every point that satisfies the bounds, in the order of their numbers, made one at a time."""
        points = (self.point(number) for number in range(self.count))
        return (point for point in points if self.keeps(point))

    def sample(self, seed: int | random.Random) -> Point:
        """A point sampled uniformly from those that satisfy the bounds; raises ``SparxError`` (SPX732) without one.

        Points that do not satisfy them are priced and discarded, so what is left is still uniform.
        """
        return sample_within_bounds(self, seed if isinstance(seed, random.Random) else random.Random(seed))  # noqa: S311

    def decide(self, pick: Callable[[Choice, Sequence[int]], int]) -> Point:
        """The point that ``pick`` makes: it is asked choice by choice, with the values that can still lead to a point.

        The order of the choices is always the same, each after those on which its existence depends. Those that
        do not exist are not asked for; bounds are ignored. Raises ``ValueError`` for another value.
        """

        def answer(choice: int, options: Sequence[tuple[int, int]]) -> int:
            values = [value for value, _ in options]
            if values == [OFF]:
                return OFF
            picked = pick(self.choices[choice], values)
            if picked not in values:
                raise ValueError(f"{self.choices[choice].name} cannot have the value number {picked} here")
            return picked

        return self.point_of_picks(self.compiled.buckets.decide(answer))

    def mutate(self, point: Point, rng: random.Random) -> Point:
        """A point that differs in one choice, and in what begins or ceases to exist with it; it satisfies the bounds.

        The choice is sampled uniformly among those that can change, then its value. Raises ``SparxError`` (SPX742)
        where no other point can be reached so.
        """
        return neighbours.mutate(self, point, rng)

    def crossover(self, first: Point, second: Point, rng: random.Random) -> Point:
        """A point that has each choice from one of two, as far as it exists there and fits; it satisfies the bounds."""
        return neighbours.crossover(self, first, second, rng)

    def neighbours(self, point: Point) -> Iterator[Point]:
        """Every point that ``mutate`` can give, in a fixed order; if b is a neighbour of a, a is one of b."""
        return (other for other in neighbours.neighbours(self, point) if self.keeps(other))

    def point_of(self, spec: Spec) -> Point | None:
        """A point whose backbone is this one (has its ``hash``), or None where none is found.

        A choice's value is recognised where laying it over the spec changes nothing.
        """
        return find_point(self, spec)

    def hash(self, point: Point) -> str:
        """The hash of the backbone at a point, equal for all points of one connection graph; see ``fingerprint``."""
        return fingerprint(self.spec(point))

    def prices_of(self, points: Sequence[Point] | PointRows) -> BatchPrices:
        """What the backbones at many points cost, at once: ``prices`` of each, as arrays of integers (points,).

        Parameters, MACs and peak bytes. Points may be given as an array (points, choices): the number of each choice's
        value, in the order of ``choices``, and -1 where the choice does not exist. Raises ``SparxError`` (SPX741) for
        what is no point, and ``ValueError`` for an array of another shape.
        """
        return self._batches.prices(points)

    def sample_many(self, count: int, seed: int) -> PointRows:
        """That many points, each sampled as ``sample`` does, as an array (points, choices) for ``prices_of``.

        The points are not those of ``sample``. Raises ``SparxError`` (SPX732) where no point is found that satisfies
        the bounds.
        """
        return self._batches.sample(count, seed)

    def point_at(self, row: Sequence[int] | PointRows) -> Point:
        """The point of a row of such an array."""
        return self.point_of_picks({number: int(value) for number, value in enumerate(row)})

    def values(self, point: Point) -> dict[str, object]:
        """The values of a point by the names of the choices, as plain data for a log or a file."""
        existing = (choice for choice in self.choices if choice.name in point.picks)
        return {choice.name: choice.values[point.picks[choice.name]] for choice in existing}

    def point_from(self, values: Mapping[str, object]) -> Point:
        """The point that has these values; the inverse of ``values``. Raises ``SparxError`` (SPX741)."""
        picks: dict[str, int] = {}
        choices = {choice.name: choice for choice in self.choices}
        for name, value in values.items():
            if name not in choices:
                advice = did_you_mean(name, list(choices))
                raise SparxError(
                    Diagnostic(Code.POINT_OF_ANOTHER_SPACE, f"the space has no choice {quoted(name)}", help=advice)
                )
            found = [number for number, one in enumerate(choices[name].values) if same(one, value)]
            if not found:
                raise SparxError(Diagnostic(Code.POINT_OF_ANOTHER_SPACE, f"{name} has no value {value!r}"))
            picks[name] = found[0]
        point = Point(FrozenDict(picks))
        self.picks(point)
        return point

    @functools.cached_property
    def _batches(self) -> SpaceBatches:
        from sparx_dsl.search.batched import SpaceBatches

        return SpaceBatches(self)
