"""From a sampler's wishes to a point of the space: every wish is taken as far as it fits what is already decided."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial

from sparx_dsl.search.bounds import Prices, excess
from sparx_dsl.search.space import Space
from sparx_dsl.search.studies.settings import Sampler, Settings, trial_seed
from sparx_dsl.search.studies.store import Store, distribution_of
from sparx_dsl.search.values import OFF, Choice, Point

WISHES = 12
"""Times that a sampler is asked for one choice before the value is drawn evenly from those that fit."""
DRAWS = 48
"""Points of a sampler that are priced, and passed over where they miss the bounds, before one is drawn evenly from all
that keep them."""
REPEATS = 8
"""Points of a sampler that were tried before and are passed over."""
SMALLEST_POPULATION, LARGEST_POPULATION = 8, 50
GENERATIONS = 8
"""Generations that a genetic search has at least, as far as its population can be made smaller for it."""


@dataclass(frozen=True)
class Proposal:
    """A point that keeps the bounds, and its prices."""

    point: Point
    prices: Prices


def propose(store: Store, settings: Settings, attempt: int, number: int, tried: Iterable[Point]) -> Proposal:
    """The point of a trial that has begun, drawn with its own seed; raises ``SparxError`` (SPX732) where there is none.

    ``random`` draws evenly from all points that keep the bounds, and looks at nothing else, so that the trials of a
    seed are the same in whatever order they end. The others look at the trials that have ended by now, and pass over
    points in ``tried`` while they find new ones.
    """
    space = store.space
    rng = random.Random(trial_seed(settings.seed, number, "point"))  # noqa: S311
    if settings.sampler != "random":
        found = _wished(store, settings, attempt, number, frozenset(tried), rng)
        if found is not None:
            return found
    point = space.sample(rng)
    return Proposal(point, space.prices(point))


def _wished(
    store: Store, settings: Settings, attempt: int, number: int, tried: Collection[Point], rng: random.Random
) -> Proposal | None:
    """A point by the sampler, a tried one where it wants nothing else; None where none keeps the bounds."""
    space = store.space
    sampler = make_sampler(settings.sampler, settings.trials, trial_seed(settings.seed, number, "sampler"))
    wishes = _Wishes(sampler, store.study(sampler), store.frozen(attempt), rng, _together(space, settings))
    repeated: list[Point] = []
    for _ in range(DRAWS):
        wishes.begin()
        point = space.decide(wishes)
        if point not in tried:
            prices = priced(space, point)
            if prices is not None:
                return Proposal(point, prices)
        else:
            repeated.append(point)
            if len(repeated) == REPEATS:
                break
    return Proposal(repeated[0], space.prices(repeated[0])) if repeated else None


def _together(space: Space, settings: Settings) -> dict[str, BaseDistribution]:
    """The choices that exist at every point, which a sampler may draw together.

    Optuna finds them in the trials that have ended, all of them for every new one; here they are known. For several
    values its TPE draws one by one.
    """
    if settings.sampler == "tpe" and len(settings.directions) > 1:
        return {}
    numbered = zip(space.choices, space.compiled.domains, strict=True)
    always = [choice for choice, domain in numbered if OFF not in domain and len(choice.alternatives) > 1]
    return {choice.name: distribution_of(choice) for choice in always}


def priced(space: Space, point: Point) -> Prices | None:
    """The prices of a point that keeps the bounds and all rules; None for another."""
    if not space.compiled.late_hold(space.picks(point)):
        return None
    prices = space.prices(point)
    return prices if excess(space.bounds, prices) == 0 else None


@dataclass
class _Wishes:
    """Answers of a sampler to the choices of a point: first what it wants of all together, then one by one."""

    sampler: BaseSampler
    study: optuna.Study
    trial: FrozenTrial
    rng: random.Random
    common: Mapping[str, BaseDistribution]
    """What is asked for together."""
    together: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def begin(self) -> None:
        """Ask anew for all choices together."""
        self.together = self.sampler.sample_relative(self.study, self.trial, dict(self.common))

    def __call__(self, choice: Choice, values: Sequence[int]) -> int:
        if len(values) == 1:
            return values[0]
        wanted: Any = self.together.get(choice.name)
        if wanted in values:
            return int(wanted)
        kind = distribution_of(choice)
        for _ in range(WISHES):
            wanted = self.sampler.sample_independent(self.study, self.trial, choice.name, kind)
            if wanted in values:
                return int(wanted)
        return self.rng.choice(values)


def make_sampler(name: Sampler, trials: int, seed: int) -> BaseSampler:
    """Optuna's sampler of that name for a study of so many trials; a genetic one with generations enough to matter."""
    population = max(SMALLEST_POPULATION, min(LARGEST_POPULATION, trials // GENERATIONS))
    made: Mapping[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: TPESampler(seed=seed),
        "nsga2": lambda: NSGAIISampler(seed=seed, population_size=population),
    }
    return made[name]()
