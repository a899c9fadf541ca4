"""Samples within bounds: points are priced and discarded, and where none is left the closest price is named."""

from __future__ import annotations

import itertools
import random

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.search.sampling.neighbours import neighbours
from sparx_dsl.search.space.choices import Point
from sparx_dsl.search.space_model import SpaceModel

MAX_PRICED = 2_000
"""Points that are priced for one sample; a space of no more points is walked through instead."""
MAX_DESCENT = 400
"""Points that are priced on the way from the closest of them towards the bounds."""


def sample_within_bounds(space: SpaceModel, rng: random.Random, *, most_priced: int = MAX_PRICED) -> Point:
    """See ``Space.sample``; raises ``SparxError`` (SPX732) where none of so many points satisfies the bounds."""
    closest: tuple[float, Point] | None = None
    for _ in range(most_priced if space.count else 0):
        point = space.point(rng.randrange(space.count))
        if space.exact and not space.bounds:
            return point
        excess = space.excess(point)
        if excess == 0:
            return point
        if excess is not None and (closest is None or excess < closest[0]):
            closest = (excess, point)
    raise SparxError(_nothing_found(space, closest, most_priced))


def _descend(space: SpaceModel, point: Point, excess: float) -> tuple[float, Point]:
    """Hill climbing: go from a point to the first neighbour that exceeds the bounds by less, while there is one."""
    left, moved = MAX_DESCENT, True
    while excess > 0 and moved and left > 0:
        moved = False
        for other in itertools.islice(neighbours(space, point), left):
            left -= 1
            less = space.excess(other)
            if less is not None and less < excess:
                excess, point, moved = less, other, True
                break
    return excess, point


def _nothing_found(space: SpaceModel, closest: tuple[float, Point] | None, priced: int) -> Diagnostic:
    """The error of bounds that no sampled point keeps, with the closest price."""
    where = space.bounds[0].where if space.bounds else space.where
    if closest is None:
        message = "no valid point was found among those sampled"
        return Diagnostic(Code.INFEASIBLE_BOUNDS, message, where, help="make fewer choices depend on one another")
    excess, point = _descend(space, closest[1], closest[0])
    prices = space.prices(point)
    wanted = " and ".join(map(str, space.bounds))
    if excess == 0:
        message = f"none of {priced} sampled points satisfies the bounds ({wanted})"
        note = f"one that does has {prices}: {point}"
        return Diagnostic(
            Code.INFEASIBLE_BOUNDS, message, where, (note,), "loosen the bounds, or narrow the choices to what fits"
        )
    worst = max(space.bounds, key=lambda bound: bound.excess(prices))
    proven = space.count <= priced and not any(map(space.keeps, map(space.point, range(space.count))))
    how = f"none of the {space.count} points satisfies" if proven else "no point was found that satisfies"
    note = f"the closest price found is {prices}"
    return Diagnostic(Code.INFEASIBLE_BOUNDS, f"{how} the bounds: {wanted}", worst.where, (note,), "loosen this bound")
