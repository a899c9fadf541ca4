"""Drawing within bounds: points are priced and thrown away, and where none is left the closest price is told."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.search.bounds import excess, missed, price_spec
from sparx_dsl.search.values import Point

if TYPE_CHECKING:
    from sparx_dsl.search.space import Space

MAX_DRAWS = 2_000
"""Points that are drawn and priced for one sample; a space of no more points is walked through instead."""
MAX_DESCENT = 400
"""Points that are priced on the way from the closest draw towards the bounds."""


def draw_within(space: Space, rng: random.Random, *, draws: int = MAX_DRAWS) -> Point:
    """See ``Space.sample``; at most ``draws`` points are priced before the bounds count as kept by none."""
    closest: tuple[float, Point] | None = None
    for _ in range(draws if space.bounds or not space.exact else 1):
        if space.count == 0:
            break
        point = space.point(rng.randrange(space.count))
        if not space.bounds and space.exact:
            return point
        missing = distance(space, point)
        if missing == 0:
            return point
        if missing is not None and (closest is None or missing < closest[0]):
            closest = (missing, point)
    raise SparxError(_nothing_keeps(space, closest, draws))


def distance(space: Space, point: Point) -> float | None:
    """By how much a point misses the bounds, as the sum of parts of them; None where a late rule does not hold."""
    if not space.compiled.late_hold(space.picks(point)):
        return None
    return excess(space.bounds, price_spec(space.spec(point))) if space.bounds else 0.0


def descend(space: Space, point: Point, missing: float) -> tuple[float, Point]:
    """Go from a point to the first neighbour that misses the bounds by less, as long as there is one."""
    free = _unbounded(space)
    left, moved = MAX_DESCENT, True
    while missing > 0 and moved and left > 0:
        moved = False
        for other in itertools.islice(free.neighbours(point), left):
            left -= 1
            away = distance(space, other)
            if away is not None and away < missing:
                missing, point, moved = away, other, True
                break
    return missing, point


def _unbounded(space: Space) -> Space:
    """The same space without bounds."""
    return replace(space, bounds=())


def _nothing_keeps(space: Space, closest: tuple[float, Point] | None, draws: int) -> Diagnostic:
    """The mistake of bounds that no drawn point keeps, with the closest price."""
    where = space.bounds[0].where if space.bounds else space.where
    if closest is None:
        message = "no valid point was found among those drawn"
        return Diagnostic("SPX732", message, where, help="tie fewer choices together")
    missing, point = descend(space, closest[1], closest[0])
    prices = space.prices(point)
    wanted = " and ".join(map(str, space.bounds))
    if missing == 0:
        message = f"no point drawn of {draws} keeps the bounds ({wanted})"
        note = f"one that does has {prices}: {point}"
        return Diagnostic("SPX732", message, where, (note,), "loosen the bounds, or narrow the choices to what fits")
    worst = max(missed(space.bounds, prices), key=lambda bound: bound.excess(prices))
    proven = space.count <= draws and space.count_within(draws) == 0
    how = f"none of the {space.count} points keeps" if proven else "no point was found that keeps"
    note = f"the closest price found is {prices}"
    return Diagnostic("SPX732", f"{how} the bounds: {wanted}", worst.where, (note,), "loosen this bound")
