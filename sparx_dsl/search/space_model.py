"""What a space is: a base, choices and bounds, and its points as numbers, as assignments and as specs."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from sparx_dsl.errors import Code, Diagnostic, SparxError, Where
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.language.spec import Spec, spec_of
from sparx_dsl.reader.tree import MappingNode
from sparx_dsl.search.constraints.compile_constraints import MAX_COMBINATIONS, Compiled, compile_constraints
from sparx_dsl.search.space.bounds import Bound, Prices, excess, price_spec
from sparx_dsl.search.space.choices import OFF, Assignment, Choice, LeftOut, Point
from sparx_dsl.search.space.edit_paths import layer_of
from sparx_dsl.search.space.materialize import Patch, overlay, overlay_links, patches_of
from sparx_dsl.search.space.spec_keys import SpecKeys


@dataclass(frozen=True)
class SpaceModel:
    """The parts of a space; ``search_space.Space`` adds what can be done with one."""

    name: str
    base: Spec
    choices: tuple[Choice, ...]
    bounds: tuple[Bound, ...] = ()
    tree: MappingNode = field(default_factory=lambda: MappingNode(()), repr=False, compare=False)
    """The base as a tree of which every part knows its place."""
    where: Where = field(default_factory=Where, repr=False, compare=False)
    """Where the choices stand."""
    most_combinations: int = field(default=MAX_COMBINATIONS, repr=False, compare=False)
    """The most combinations in the table of one constraint; those of more are asked of whole points."""
    left_out: tuple[LeftOut, ...] = field(default=(), repr=False, compare=False)
    """What of the keys with wildcards fits no point, and so is not chosen from."""

    def __reduce__(self) -> tuple[object, ...]:
        given = (self.name, self.base, self.choices, self.bounds, self.tree, self.where, self.most_combinations)
        return (type(self), (*given, self.left_out))

    @functools.cached_property
    def compiled(self) -> Compiled:
        """The constraints as tables; made at the first use."""
        return compile_constraints(self.base, self.keys, self.choices, self.most_combinations)

    @functools.cached_property
    def keys(self) -> SpecKeys:
        """The keys of the base under the choices."""
        return SpecKeys(self.tree, self.patches, len(self.base.stages))

    @functools.cached_property
    def patches(self) -> tuple[Patch, ...]:
        """What the choices lay over the base, the wider paths first."""
        return patches_of(self.choices)

    @property
    def count(self) -> int:
        """How many points there are, ignoring the bounds; an upper limit where ``exact`` is false."""
        return self.compiled.buckets.total

    @property
    def exact(self) -> bool:
        """Whether all constraints could be put into tables, so that ``count`` is exact and every sample is valid.

        Otherwise samples are checked one by one, and those that are not valid are discarded.
        """
        return not self.compiled.late

    def point(self, number: int) -> Point:
        """The point of that number, from 0, ignoring the bounds; raises ``IndexError``."""
        return self.point_of_picks(self.compiled.buckets.assignment(number))

    def number(self, point: Point) -> int:
        """The number of a point, from 0; raises ``SparxError`` (SPX741) for one that is not of this space."""
        return self.compiled.buckets.number(self.picks(point))

    def picks(self, point: Point) -> dict[int, int]:
        """The number of the value of each choice, ``OFF`` where it does not exist; raises ``SparxError`` (SPX741)."""
        numbers = {number: point.picks.get(choice.name, OFF) for number, choice in enumerate(self.choices)}
        unknown = point.picks.keys() - {choice.name for choice in self.choices}
        inside = all(numbers[number] in domain for number, domain in enumerate(self.compiled.domains))
        if unknown or not inside or not self.compiled.factors_hold(numbers):
            raise SparxError(self.no_point(str(point)))
        return numbers

    def no_point(self, values: str) -> Diagnostic:
        """The error of values that are no point of this space."""
        return Diagnostic(Code.POINT_OF_ANOTHER_SPACE, f"this is not a point of the space {self.name}: {values}")

    def point_of_picks(self, picks: Mapping[int, int]) -> Point:
        """The point of an assignment that fits, by the numbers of choices and values."""
        return Point(FrozenDict({c.name: picks[n] for n, c in enumerate(self.choices) if picks[n] != OFF}))

    def spec(self, point: Point) -> Spec:
        """The backbone at a point; raises ``SparxError`` (SPX741) for a point that is not of this space."""
        return self._spec(self.picks(point))

    def prices(self, point: Point) -> Prices:
        """The parameters, MACs and peak bytes of the backbone at a point, without building it."""
        return price_spec(self.spec(point))

    def excess(self, point: Point) -> float | None:
        """By how much a point exceeds the bounds, as the sum of parts of them; None where it is not valid.

        That can only be where not all constraints are in tables (see ``exact``).
        """
        picks = self.picks(point)
        if not self.compiled.late_hold(picks):
            return None
        return excess(self.bounds, price_spec(self._spec(picks))) if self.bounds else 0.0

    def keeps(self, point: Point) -> bool:
        """Whether a point satisfies the bounds, and the constraints that no table holds."""
        return self.excess(point) == 0

    def _spec(self, picks: Assignment) -> Spec:
        tree = self.tree
        for patch in self.patches:
            value, layer = patch.node(picks), layer_of(patch.path)
            if value is not None and (layer is None or self.keys.has_layer(*layer, picks)):
                tree = overlay(tree, patch.path, value)
        chosen = [c.alternatives[picks[n]] for n, c in enumerate(self.choices) if picks[n] != OFF]
        return spec_of(overlay_links(tree, chosen), self.base.limits)
