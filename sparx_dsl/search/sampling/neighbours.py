"""Points next to others, which never leave the space: mutation, crossover, neighbours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.search.constraints.compile_constraints import Compiled
from sparx_dsl.search.space.choices import OFF, Assignment, Point
from sparx_dsl.search.space_model import SpaceModel

MAX_STEPS = 20_000
"""Values that are tried to complete one point before another is looked for."""
MAX_CHILDREN = 32
"""Children that are made before a parent is given back."""


def mutate(space: SpaceModel, point: Point, rng: random.Random) -> Point:
    """See ``Space.mutate``; raises ``SparxError`` (SPX742)."""
    picks = space.picks(point)
    choices = [number for number, value in picks.items() if value != OFF]
    for choice in rng.sample(choices, len(choices)):
        values = [value for value in space.compiled.domains[choice] if value not in (OFF, picks[choice])]
        for value in rng.sample(values, len(values)):
            for found in _changed(space.compiled, picks, choice, value, rng):
                other = space.point_of_picks(found)
                if space.keeps(other):
                    return other
    message = "no other point of the space differs from this one in a single choice"
    raise SparxError(Diagnostic(Code.NO_NEIGHBOUR, message, help="sample a new point"))


def neighbours(space: SpaceModel, point: Point) -> Iterator[Point]:
    """Every valid point that differs in one choice, ignoring the bounds; see ``Space.neighbours``."""
    picks = space.picks(point)
    for choice in (number for number, value in picks.items() if value != OFF):
        for value in space.compiled.domains[choice]:
            if value not in (OFF, picks[choice]):
                yield from map(space.point_of_picks, _changed(space.compiled, picks, choice, value, None))


def crossover(space: SpaceModel, first: Point, second: Point, rng: random.Random) -> Point:
    """See ``Space.crossover``."""
    parents = (space.picks(first), space.picks(second))
    for _ in range(MAX_CHILDREN):
        wanted: dict[int, Sequence[int]] = {}
        for choice, domain in enumerate(space.compiled.domains):
            have = [parent[choice] for parent in rng.sample(parents, 2) if parent[choice] != OFF]
            rest = [] if have else [value for value in domain if value != OFF]
            wanted[choice] = [*dict.fromkeys(have), *rng.sample(rest, len(rest))]
        found = next(complete(space.compiled, wanted), None)
        if found is not None and space.keeps(child := space.point_of_picks(found)):
            return child
    return rng.choice((first, second))


def _changed(
    compiled: Compiled, picks: Assignment, choice: int, value: int, rng: random.Random | None
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

    Choices are decided after those on which it depends whether they exist, and each factor is asked once its
    choices are decided: it says whether the choice exists. Ends after ``MAX_STEPS`` values.
    """
    order = compiled.order
    found: dict[int, int] = {}
    options = {n: [*wanted[n], OFF] if OFF in compiled.domains[n] else wanted[n] for n in order}
    pending = [iter(options[order[0]])] if order else []
    if not order:
        yield {}
    steps = 0
    while pending and steps < MAX_STEPS:
        choice = order[len(pending) - 1]
        found.pop(choice, None)
        value = next(pending[-1], None)
        if value is None:
            pending.pop()
            continue
        steps += 1
        found[choice] = value
        decided = (factor for factor in compiled.by_choice[choice] if all(other in found for other in factor.scope))
        if not all(factor.has(found) for factor in decided):
            continue
        if len(found) < len(order):
            pending.append(iter(options[order[len(pending)]]))
        elif compiled.late_hold(found):
            yield dict(found)
