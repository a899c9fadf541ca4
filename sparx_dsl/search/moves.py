"""Steps from point to point that never leave a space: mutation, crossover, neighbours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sparx_dsl.errors import Diagnostic, SparxError
from sparx_dsl.search.values import OFF, Point

if TYPE_CHECKING:
    from sparx_dsl.search.compiling import Compiled
    from sparx_dsl.search.space import Space

MAX_STEPS = 20_000
"""Values that are tried to complete one point before another is looked for."""
CROSSINGS = 32
"""Children that are drawn before a parent is given back."""


def mutate(space: Space, point: Point, rng: random.Random) -> Point:
    """See ``Space.mutate``."""
    picks = space.picks(point)
    choices = [number for number, value in picks.items() if value != OFF]
    for choice in rng.sample(choices, len(choices)):
        values = [value for value in space.compiled.domains[choice] if value not in (OFF, picks[choice])]
        for value in rng.sample(values, len(values)):
            for found in _changed(space.compiled, picks, choice, value, rng):
                made = space.made(found)
                if space.keeps(made):
                    return made
    message = "no other point of the space differs from this one in a single choice"
    raise SparxError(Diagnostic("SPX742", message, help="draw a new point with sample"))


def neighbours(space: Space, point: Point) -> Iterator[Point]:
    """See ``Space.neighbours``."""
    picks = space.picks(point)
    for choice in (number for number, value in picks.items() if value != OFF):
        for value in space.compiled.domains[choice]:
            if value not in (OFF, picks[choice]):
                made = (space.made(found) for found in _changed(space.compiled, picks, choice, value, None))
                yield from (one for one in made if space.keeps(one))


def crossover(space: Space, first: Point, second: Point, rng: random.Random) -> Point:
    """See ``Space.crossover``."""
    parents = (space.picks(first), space.picks(second))
    for _ in range(CROSSINGS):
        wanted: dict[int, Sequence[int]] = {}
        for choice, domain in enumerate(space.compiled.domains):
            have = [parent[choice] for parent in rng.sample(parents, 2) if parent[choice] != OFF]
            rest = [] if have else [value for value in domain if value != OFF]
            wanted[choice] = [*dict.fromkeys(have), *rng.sample(rest, len(rest))]
        found = next(complete(space.compiled, wanted), None)
        if found is not None and space.keeps(made := space.made(found)):
            return made
    return rng.choice((first, second))


def _changed(
    compiled: Compiled, picks: Mapping[int, int], choice: int, value: int, rng: random.Random | None
) -> Iterator[dict[int, int]]:
    """The assignments with another value of one choice; what begins to exist is tried in all ways."""
    wanted: dict[int, Sequence[int]] = {}
    for number, domain in enumerate(compiled.domains):
        free = [one for one in domain if one != OFF]
        begun = rng.sample(free, len(free)) if rng is not None else free
        wanted[number] = [value] if number == choice else begun if picks[number] == OFF else [picks[number]]
    return complete(compiled, wanted)


def complete(compiled: Compiled, wanted: Mapping[int, Sequence[int]]) -> Iterator[dict[int, int]]:
    """Every assignment that fits, with the wanted values in their order for what exists.

    Choices are decided after those on which it depends whether they exist, and each table is asked once its
    choices are decided. Ends after ``MAX_STEPS`` values.
    """
    order = compiled.order
    found: dict[int, int] = {}
    pending: list[Iterator[int]] = [iter(_options(compiled, order[0], wanted, found))] if order else []
    steps = 0
    if not order:
        yield {}
    while pending and steps < MAX_STEPS:
        choice = order[len(pending) - 1]
        found.pop(choice, None)
        value = next(pending[-1], None)
        if value is None:
            pending.pop()
            continue
        steps += 1
        found[choice] = value
        if not _tables_hold(compiled, choice, found):
            continue
        if len(found) == len(order):
            if compiled.late_hold(found):
                yield dict(found)
            continue
        pending.append(iter(_options(compiled, order[len(pending)], wanted, found)))


def _options(
    compiled: Compiled, choice: int, wanted: Mapping[int, Sequence[int]], found: Mapping[int, int]
) -> Sequence[int]:
    """The values to try for a choice: the wanted ones, or that it does not exist; a table says which of the two."""
    return [*wanted[choice], OFF] if OFF in compiled.domains[choice] else wanted[choice]


def _tables_hold(compiled: Compiled, choice: int, found: Mapping[int, int]) -> bool:
    """Whether the tables hold that speak of this choice and of none that is undecided."""
    for table in compiled.by_choice[choice]:
        decided = all(other in found for other in table.scope)
        if decided and tuple(found[other] for other in table.scope) not in table.rows:
            return False
    return True
