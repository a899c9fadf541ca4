"""From a sampler's suggestions to a point of the space: each is taken as far as it fits what is already decided.

Optuna's samplers know of no values that depend on one another. They suggest values choice by choice, and the space
says which of them can still be completed to a point.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial

from sparx_dsl.search.search_space import Space
from sparx_dsl.search.space.bounds import Prices, excess
from sparx_dsl.search.space.choices import OFF, Choice, Point
from sparx_dsl.search.studies.config import Sampler, StudyConfig
from sparx_dsl.search.studies.sampler_study import SamplerStudy
from sparx_dsl.search.studies.store import Store, distribution_of

MAX_RESAMPLES = 12
"""Times that a sampler is asked for one choice before the value is sampled uniformly from those that fit."""
MAX_OUT_OF_BOUNDS = 48
"""Points of a sampler that are priced, and passed over where they miss the bounds, before one is sampled uniformly from
those that satisfy them."""
MAX_REPEATS = 3
"""Points of a sampler that were tried before and are passed over; eight found nothing better in small spaces."""
MIN_POPULATION, MAX_POPULATION = 8, 50
MIN_GENERATIONS = 8
"""Generations that a genetic search has, as far as its population can be made smaller for it."""


def sample_point(
    seen: SamplerStudy, store: Store, config: StudyConfig, attempt: int, number: int, tried: Container[Point]
) -> tuple[Point, Prices]:
    """A point for a trial that has begun, sampled with its own seed, and its parameters, MACs and peak bytes.

    ``random`` samples uniformly from the points that satisfy the bounds, and looks at nothing else, so the trials of a
    seed are the same in whatever order they end. The others look at the trials that have ended by now, and pass over
    points in ``tried`` while they find new ones. Raises ``SparxError`` (SPX732) where no point satisfies the bounds.
    """
    space = store.space
    rng = random.Random(config.trial_seed(number, "point"))  # noqa: S311
    if config.sampler != "random":
        found = _suggested(seen, store, config, attempt, number, tried, rng)
        if found is not None:
            return found
    point = space.sample(rng)
    return point, space.prices(point)


def _suggested(
    seen: SamplerStudy,
    store: Store,
    config: StudyConfig,
    attempt: int,
    number: int,
    tried: Container[Point],
    rng: random.Random,
) -> tuple[Point, Prices] | None:
    """A point by the sampler, a tried one where it suggests nothing else; None where none satisfies the bounds."""
    space = store.space
    sampler = make_sampler(config.sampler, config.trials, config.trial_seed(number, "sampler"))
    study, trial = seen.begin(sampler, attempt)
    guide = GuidedSampler(sampler, study, trial, rng, _joint(space, config))
    repeated: list[Point] = []
    for _ in range(MAX_OUT_OF_BOUNDS):
        guide.begin()
        point = space.decide(guide)
        if point not in tried:
            prices = priced(space, point)
            if prices is not None:
                return point, prices
        else:
            repeated.append(point)
            if len(repeated) == MAX_REPEATS:
                break
    return (repeated[0], space.prices(repeated[0])) if repeated else None


def _joint(space: Space, config: StudyConfig) -> dict[str, BaseDistribution]:
    """The choices that exist at every point, which a sampler may sample jointly.

    Optuna finds them in the trials that have ended, all of them for every new one; here they are known. For several
    values its TPE samples one by one.
    """
    if config.sampler == "tpe" and len(config.directions) > 1:
        return {}
    numbered = zip(space.choices, space.compiled.domains, strict=True)
    always = [choice for choice, domain in numbered if OFF not in domain and len(choice.alternatives) > 1]
    return {choice.name: distribution_of(choice) for choice in always}


def priced(space: Space, point: Point) -> Prices | None:
    """Parameters, MACs and peak bytes of a point that satisfies the bounds and all rules; None for another."""
    if not space.compiled.late_hold(space.picks(point)):
        return None
    prices = space.prices(point)
    return prices if excess(space.bounds, prices) == 0 else None


@dataclass
class GuidedSampler:
    """Picks of a sampler for the choices of a point: first what it suggests for all jointly, then one by one."""

    sampler: BaseSampler
    study: optuna.Study
    trial: FrozenTrial
    rng: random.Random
    joint: Mapping[str, BaseDistribution]
    """What is sampled jointly."""
    suggested: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def begin(self) -> None:
        """Sample jointly again."""
        self.suggested = self.sampler.sample_relative(self.study, self.trial, dict(self.joint))

    def __call__(self, choice: Choice, values: Sequence[int]) -> int:
        """Pick one of the values that fit."""
        if len(values) == 1:
            return values[0]
        suggestion: Any = self.suggested.get(choice.name)
        if suggestion in values:
            return int(suggestion)
        kind = distribution_of(choice)
        for _ in range(MAX_RESAMPLES):
            suggestion = self.sampler.sample_independent(self.study, self.trial, choice.name, kind)
            if suggestion in values:
                return int(suggestion)
        return self.rng.choice(values)


def make_sampler(name: Sampler, trials: int, seed: int) -> BaseSampler:
    """Optuna's sampler of that name for a study of so many trials; a genetic one with generations enough to matter."""
    population = max(MIN_POPULATION, min(MAX_POPULATION, trials // MIN_GENERATIONS))
    made: Mapping[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: TPESampler(seed=seed),
        "nsga2": lambda: NSGAIISampler(seed=seed, population_size=population),
    }
    return made[name]()
