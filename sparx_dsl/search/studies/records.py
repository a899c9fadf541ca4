"""A study as it stands: its trials with their outcomes, and which are the best."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sparx_dsl.language.notebook import shown
from sparx_dsl.language.spec import Spec
from sparx_dsl.search.search_space import Space
from sparx_dsl.search.space.bounds import MEASURES, Prices, price_of
from sparx_dsl.search.space.choices import Point
from sparx_dsl.search.studies.outcome import Cause

State = Literal["complete", "failed", "pruned", "running", "lost"]
"""``failed``: the objective raised, or its worker died each time; ``pruned``: it was ended early, since its
intermediate values promised little; ``lost``: the worker died, and it is tried again."""
ENDED: Final[tuple[State, ...]] = ("complete", "failed", "pruned")


@dataclass(frozen=True)
class TrialRecord:
    """One trial, as the study's file has it."""

    number: int
    state: State
    point: Point | None
    """None until it has been sampled."""
    values: tuple[float, ...] = ()
    constraints: Mapping[str, float] = field(default_factory=dict[str, float])
    prices: Prices | None = None
    choices: Mapping[str, object] = field(default_factory=dict[str, object])
    """The values of the choices by name, as plain data."""
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else the objective returned."""
    parent: int | None = None
    """The number of the trial whose weights it was given."""
    seconds: float | None = None
    worker: str = ""
    cause: Cause | None = None
    intermediate: Mapping[int, float] = field(default_factory=dict[int, float])
    """What the objective reported before its end, by step."""

    def __repr__(self) -> str:
        values = f", values {', '.join(f'{value:g}' for value in self.values)}" if self.values else ""
        return f"TrialRecord({self.number}, {self.state}{values})"

    @property
    def feasible(self) -> bool:
        """Whether it has values, and no constraint above 0."""
        return self.state == "complete" and all(value <= 0 for value in self.constraints.values())


@dataclass(frozen=True)
class StudyResult:
    """All trials of a study, each number once, in order; made by ``run_study`` and ``read_study``."""

    space: Space = field(repr=False)
    names: tuple[str, ...]
    """What the values are called."""
    directions: tuple[Literal["maximize", "minimize"], ...]
    trials: tuple[TrialRecord, ...] = field(repr=False)

    def _repr_html_(self) -> str:
        """How notebooks show it: the trials in a plane, and the winners."""
        return shown("sparx_dsl.search.studies.study_tables:study_html", self)

    def __repr__(self) -> str:
        return f"StudyResult({self.space.name!r}, {len(self.trials)} trials, {len(self.complete)} with values)"

    @property
    def complete(self) -> tuple[TrialRecord, ...]:
        """The trials that have values."""
        return tuple(trial for trial in self.trials if trial.state == "complete")

    @property
    def failed(self) -> tuple[TrialRecord, ...]:
        """The trials that ended without values; each has its ``cause``."""
        return tuple(trial for trial in self.trials if trial.state == "failed")

    @property
    def pruned(self) -> tuple[TrialRecord, ...]:
        """The trials that were ended early; each has its ``intermediate`` values."""
        return tuple(trial for trial in self.trials if trial.state == "pruned")

    @property
    def finished(self) -> int:
        """How many trials have ended, with values or without."""
        return sum(trial.state in ENDED for trial in self.trials)

    @functools.cached_property
    def front(self) -> tuple[TrialRecord, ...]:
        """The feasible trials that no other one beats in all values, the best in the first value first.

        Of trials with the same values the first one stands for all. With one direction it is the best trial alone.
        """
        found = [(self.losses(trial), trial.number, trial) for trial in self.trials if trial.feasible]
        kept: list[tuple[tuple[float, ...], TrialRecord]] = []
        for losses, _, trial in sorted(found, key=lambda one: one[:2]):
            # What beats a trial comes before it. Of two values the second only falls along the front.
            rivals = kept if len(losses) > 2 else kept[-1:]
            if not any(_no_worse(other, losses) for other, _ in rivals):
                kept.append((losses, trial))
        return tuple(trial for _, trial in kept)

    @property
    def best(self) -> TrialRecord | None:
        """The first of ``front``; None while there is none."""
        return next(iter(self.front), None)

    @functools.cached_property
    def priced(self) -> frozenset[str]:
        """The names of values that are prices in every trial; a function of the user may have the name of one."""
        priced = [(trial.values, trial.prices) for trial in self.complete if trial.prices is not None]
        named = [(place, name) for place, name in enumerate(self.names) if name in MEASURES]
        return frozenset(name for place, name in named
                         if all(values[place] == price_of(prices, name) for values, prices in priced))  # fmt: skip

    def losses(self, trial: TrialRecord) -> tuple[float, ...]:
        """The values with their signs turned so that less is better."""
        return tuple(
            -value if direction == "maximize" else value
            for value, direction in zip(trial.values, self.directions, strict=True)
        )

    def spec(self, trial: TrialRecord) -> Spec:
        """The backbone of a trial; raises ``ValueError`` for one whose point has not been sampled yet."""
        if trial.point is None:
            raise ValueError(f"trial {trial.number} has no point yet")
        return self.space.spec(trial.point)


def _no_worse(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether no loss of the first exceeds the second's."""
    return all(a <= b for a, b in zip(first, second, strict=True))


def by_number(attempts: Sequence[TrialRecord]) -> Iterator[TrialRecord]:
    """One record for each number, in order: what finished first, or else the last attempt."""
    found: dict[int, TrialRecord] = {}
    for attempt in attempts:
        held = found.get(attempt.number)
        if held is None or held.state not in ENDED:
            found[attempt.number] = attempt
    return (found[number] for number in sorted(found))
