"""A space of backbones as a value: counted, numbered, drawn from, walked through, and never listed."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from sparx_dsl.errors import Diagnostic, SparxError, Where, did_you_mean, quoted
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.spec import Spec, spec_of
from sparx_dsl.reader.tree import MappingNode
from sparx_dsl.search import moves
from sparx_dsl.search.bounds import Bound, Prices, excess, price_spec
from sparx_dsl.search.canonical_form import fingerprint
from sparx_dsl.search.compiling import MAX_COMBINATIONS, Compiled, compile_choices
from sparx_dsl.search.drawing import draw_within
from sparx_dsl.search.laying import Patch, lay, patches_of, with_links
from sparx_dsl.search.locating import find_point
from sparx_dsl.search.rules import has_layer, layer_of
from sparx_dsl.search.values import OFF, Choice, Point, same

if TYPE_CHECKING:
    from sparx_dsl.search.batched import BatchPrices, Picks, SpaceBatches


@dataclass(frozen=True)
class Space:
    """All backbones that some choices make of a base spec; made by ``load_space``, ``parse_space`` or ``make_space``.

    A point of it has a value for each choice that exists there, and every point is a valid backbone. Points that
    do not keep ``bounds`` are counted and numbered, but neither drawn nor enumerated.
    """

    name: str
    base: Spec
    choices: tuple[Choice, ...]
    bounds: tuple[Bound, ...] = ()
    tree: MappingNode = field(default_factory=lambda: MappingNode(()), repr=False, compare=False)
    """The base as a tree of which every part knows its place."""
    where: Where = field(default_factory=Where, repr=False, compare=False)
    """Where the choices stand."""
    most_combinations: int = field(default=MAX_COMBINATIONS, repr=False, compare=False)
    """The most combinations that one rule's table is made from; larger rules are asked of whole points."""

    def __reduce__(self) -> tuple[object, ...]:
        given = (self.name, self.base, self.choices, self.bounds, self.tree, self.where, self.most_combinations)
        return (Space, given)

    @functools.cached_property
    def compiled(self) -> Compiled:
        """The rules as tables; made at the first use."""
        return compile_choices(self.base, self.tree, self.choices, self.most_combinations)

    @property
    def count(self) -> int:
        """How many points there are, bounds left aside; an upper limit where ``exact`` is false."""
        return self.compiled.counted.total

    @property
    def exact(self) -> bool:
        """Whether all rules could be put into tables, so that ``count`` is exact and every drawn point is valid.

        Otherwise drawn points are checked one by one, and those that are not valid are thrown away.
        """
        return not self.compiled.late

    def count_within(self, most: int = 10_000) -> int | None:
        """How many points keep the bounds, priced one by one; None where more than ``most`` would have to be."""
        if not self.bounds and self.exact:
            return self.count
        return sum(1 for _ in self.enumerate()) if self.count <= most else None

    def point(self, number: int) -> Point:
        """The point of that number, from 0, bounds left aside; raises ``IndexError``."""
        return self.made(self.compiled.counted.assignment(number))

    def number(self, point: Point) -> int:
        """The number of a point, from 0; raises ``SparxError`` (SPX741) for one that is not of this space."""
        return self.compiled.counted.number(self.picks(point))

    def enumerate(self) -> Iterator[Point]:
        """Every point that keeps the bounds, in the order of their numbers, made one at a time."""
        points = (self.point(number) for number in range(self.count))
        return (point for point in points if self.keeps(point))

    def sample(self, seed: int | random.Random) -> Point:
        """A point drawn evenly from all that keep the bounds; raises ``SparxError`` (SPX732) where none is found.

        Points that do not keep them are priced and thrown away, so what is left is still drawn evenly.
        """
        return draw_within(self, seed if isinstance(seed, random.Random) else random.Random(seed))  # noqa: S311

    def decide(self, pick: Callable[[Choice, Sequence[int]], int]) -> Point:
        """The point that ``pick`` makes: it is asked choice by choice, with the values that can still lead to a point.

        The order of the choices is always the same, each after those on which its existence depends. Those that
        do not exist are not asked for; bounds are left aside. Raises ``ValueError`` for another value.
        """

        def answer(choice: int, options: Sequence[tuple[int, int]]) -> int:
            values = [value for value, _ in options]
            if values == [OFF]:
                return OFF
            picked = pick(self.choices[choice], values)
            if picked not in values:
                raise ValueError(f"{self.choices[choice].name} cannot have the value number {picked} here")
            return picked

        return self.made(self.compiled.counted.decide(answer))

    def spec(self, point: Point) -> Spec:
        """The backbone at a point; raises ``SparxError`` (SPX741) for a point that is not of this space."""
        return self._spec(self.picks(point))

    def point_of(self, spec: Spec) -> Point | None:
        """A point whose backbone is this one (has its ``hash``), or None where none is found.

        A choice's value is recognised where laying it over the spec changes nothing.
        """
        return find_point(self, spec)

    def hash(self, point: Point) -> str:
        """The hash of the backbone at a point, equal for all points of one connection graph; see ``fingerprint``."""
        return fingerprint(self.spec(point))

    def prices(self, point: Point) -> Prices:
        """What the backbone at a point costs, without building it."""
        return price_spec(self.spec(point))

    def prices_of(self, points: Sequence[Point] | Picks) -> BatchPrices:
        """What the backbones at many points cost, at once: ``prices`` of each, as arrays of integers (points,).

        Points may be given as an array (points, choices): the number of each choice's value, in the order of
        ``choices``, and -1 where the choice does not exist. Raises ``SparxError`` (SPX741) for what is no point, and
        ``ValueError`` for an array of another shape.
        """
        return self._batches.prices(points)

    def sample_many(self, count: int, seed: int) -> Picks:
        """That many points, each drawn as ``sample`` draws one, as an array (points, choices) for ``prices_of``.

        The draws are not those of ``sample``. Raises ``SparxError`` (SPX732) where no point is found that keeps the
        bounds.
        """
        return self._batches.sample(count, seed)

    def point_at(self, row: Sequence[int] | Picks) -> Point:
        """The point of a row of such an array."""
        return self.made({number: int(value) for number, value in enumerate(row)})

    def keeps(self, point: Point) -> bool:
        """Whether a point keeps the bounds, and the rules that no table holds."""
        picks = self.picks(point)
        if not self.compiled.late_hold(picks):
            return False
        return not self.bounds or excess(self.bounds, price_spec(self._spec(picks))) == 0

    def mutate(self, point: Point, rng: random.Random) -> Point:
        """A point that differs in one choice, and in what begins or ceases to exist with it; it keeps the bounds.

        The choice is drawn evenly among those that can change, then its value. Raises ``SparxError`` (SPX742)
        where no other point can be reached so.
        """
        return moves.mutate(self, point, rng)

    def crossover(self, first: Point, second: Point, rng: random.Random) -> Point:
        """A point that has each choice from one of two, as far as it exists there and fits; it keeps the bounds."""
        return moves.crossover(self, first, second, rng)

    def neighbours(self, point: Point) -> Iterator[Point]:
        """Every point that ``mutate`` can give, in a fixed order; if b is a neighbour of a, a is one of b."""
        return moves.neighbours(self, point)

    def values(self, point: Point) -> dict[str, object]:
        """The values of a point by the names of the choices, as plain data for a log or a file."""
        return {choice.name: choice.values[point.picks[choice.name]] for choice in self.choices
                if choice.name in point.picks}  # fmt: skip

    def point_from(self, values: Mapping[str, object]) -> Point:
        """The point that has these values; the inverse of ``values``. Raises ``SparxError`` (SPX741)."""
        picks: dict[str, int] = {}
        for name, value in values.items():
            choice = next((choice for choice in self.choices if choice.name == name), None)
            if choice is None:
                advice = did_you_mean(name, [one.name for one in self.choices])
                raise SparxError(Diagnostic("SPX741", f"the space has no choice {quoted(name)}", help=advice))
            found = [number for number, one in enumerate(choice.values) if same(one, value)]
            if not found:
                raise SparxError(Diagnostic("SPX741", f"{name} has no value {value!r}"))
            picks[name] = found[0]
        point = Point(FrozenDict(picks))
        self.picks(point)
        return point

    def picks(self, point: Point) -> dict[int, int]:
        """The number of the value of each choice, ``OFF`` where it does not exist; raises ``SparxError`` (SPX741)."""
        numbers = {number: point.picks.get(choice.name, OFF) for number, choice in enumerate(self.choices)}
        strange = point.picks.keys() - {choice.name for choice in self.choices}
        inside = all(numbers[number] in domain for number, domain in enumerate(self.compiled.domains))
        if strange or not inside or not self.compiled.tables_hold(numbers):
            raise SparxError(Diagnostic("SPX741", f"this is no point of the space {self.name}: {point}"))
        return numbers

    def made(self, picks: Mapping[int, int]) -> Point:
        """The point of an assignment that fits, by the numbers of choices and values."""
        return Point(FrozenDict({c.name: picks[n] for n, c in enumerate(self.choices) if picks[n] != OFF}))

    def _spec(self, picks: Mapping[int, int]) -> Spec:
        tree = self.tree
        for patch in self.patches:
            value = patch.nodes[picks[patch.choice]] if picks[patch.choice] != OFF else None
            layer = layer_of(patch.path)
            if value is not None and (layer is None or has_layer(self.compiled.readings, *layer, picks)):
                tree = cast("MappingNode", lay(tree, patch.path, value))
        links = [
            link
            for number, choice in enumerate(self.choices)
            if picks[number] != OFF
            for link in choice.alternatives[picks[number]].links
        ]
        return spec_of(cast("MappingNode", with_links(tree, links)), self.base.limits)

    @functools.cached_property
    def _batches(self) -> SpaceBatches:
        from sparx_dsl.search.batched import SpaceBatches

        return SpaceBatches(self)

    @functools.cached_property
    def patches(self) -> tuple[Patch, ...]:
        """What the choices lay over the base, the wider paths first."""
        return patches_of(self.choices)
